// What the page does beyond plain forms and links: it shows the stream as it comes, talks to the WebSocket, and asks
// whether a note has been filed. Text from elsewhere is only ever written as text.
"use strict";

const byId = (id) => document.getElementById(id);

// The stream, line by line.
const start = byId("start");
start.hidden = false;
start.addEventListener("click", async () => {
  const lines = byId("lines");
  const progress = byId("progress");
  lines.textContent = "";
  progress.value = 0;
  lines.hidden = progress.hidden = false;
  start.disabled = true;
  try {
    const response = await fetch("/stream");
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    for (let part = await reader.read(); !part.done; part = await reader.read()) {
      lines.textContent += part.value;
      progress.value = lines.textContent.split("\n").length - 1;
    }
  } catch (error) {
    lines.textContent += `The stream broke off: ${error.message}\n`;
  } finally {
    start.disabled = false;
  }
});

// The WebSocket is opened with the first message, and again if it was closed meanwhile.
let socket = null;

function addEcho(text) {
  const item = document.createElement("li");
  item.textContent = text;
  byId("echoes").append(item);
  byId("echoes").hidden = false;
}

function connect() {
  const scheme = location.protocol === "https:" ? "wss" : "ws";
  const opened = new WebSocket(`${scheme}://${location.host}/echo`);
  opened.addEventListener("message", (event) => addEcho(event.data));
  opened.addEventListener("error", () => addEcho("The connection failed."));
  return opened;
}

byId("echo-form").addEventListener("submit", (event) => {
  event.preventDefault();
  const message = byId("message");
  const text = message.value;
  message.value = "";
  if (socket === null || socket.readyState > WebSocket.OPEN) {
    socket = connect();
  }
  if (socket.readyState === WebSocket.OPEN) {
    socket.send(text);
  } else {
    socket.addEventListener("open", () => socket.send(text), { once: true });
  }
});

// A note that is yet to be filed: ask until it is, ten times at most.
async function watch(state, asked) {
  const number = Number(state.closest("[data-note]").dataset.note);
  const answer = await (await fetch("/state")).json();
  const note = answer.notes.find((one) => one.number === number);
  if (note && note.filed) {
    state.textContent = `Filed at ${note.filed}`;
    state.dataset.filed = "yes";
  } else if (asked < 10) {
    setTimeout(() => watch(state, asked + 1), 200 * (asked + 1));
  }
}

for (const state of document.querySelectorAll('[data-filed="no"]')) {
  watch(state, 1);
}
