// Everything here is an addition: without it, every form and link of the site still works.
"use strict";

const byId = (id) => document.getElementById(id);

// --- light and dark ---

const themes = ["system", "light", "dark"];
const themeSays = {
  system: "Colours: as the system has them",
  light: "Colours: light",
  dark: "Colours: dark",
};

function showTheme(button, theme) {
  if (theme === "system") {
    delete document.documentElement.dataset.theme;
  } else {
    document.documentElement.dataset.theme = theme;
  }
  button.setAttribute("aria-label", themeSays[theme]);
  button.title = themeSays[theme];
}

function setUpTheme() {
  const button = byId("theme");
  let theme = document.documentElement.dataset.theme || "system";
  button.hidden = false;
  showTheme(button, theme);
  button.addEventListener("click", () => {
    theme = themes[(themes.indexOf(theme) + 1) % themes.length];
    showTheme(button, theme);
    try {
      if (theme === "system") {
        localStorage.removeItem("theme");
      } else {
        localStorage.setItem("theme", theme);
      }
    } catch {
      // It holds for this page.
    }
  });
}

// --- search as you type ---

function setUpSearch() {
  const form = byId("search");
  if (!form) {
    return;
  }
  const field = byId("q");
  const place = byId("results");
  const status = byId("search-status");
  let timer = 0;
  let asked = field.value.trim();
  let controller = null;

  const fit = () => {
    field.style.height = "auto";
    field.style.height = `${Math.min(field.scrollHeight, 320)}px`;
  };

  const show = async (question) => {
    controller?.abort();
    controller = new AbortController();
    if (!question) {
      place.replaceChildren();
      status.textContent = "";
      return;
    }
    form.setAttribute("aria-busy", "true");
    try {
      const answer = await fetch(form.dataset.results, {
        method: "POST",
        body: new URLSearchParams({ q: question }),
        signal: controller.signal,
      });
      if (!answer.ok) {
        throw new Error(`status ${answer.status}`);
      }
      const made = new DOMParser().parseFromString(await answer.text(), "text/html");
      const results = made.querySelector(".results");
      place.replaceChildren(results);
      const count = Number(results.dataset.count);
      status.textContent = count === 1 ? "1 case found" : `${count} cases found`;
    } catch (error) {
      if (error.name === "AbortError") {
        return;
      }
      status.textContent = "The search cannot be reached. Press Enter to try again.";
    }
    form.removeAttribute("aria-busy");
  };

  field.addEventListener("input", () => {
    fit();
    const question = field.value.trim();
    if (question === asked) {
      return;
    }
    asked = question;
    clearTimeout(timer);
    timer = setTimeout(show, 150, question);
  });
  field.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
      event.preventDefault();
      if (field.value.trim()) {
        form.requestSubmit();
      }
    } else if (event.key === "Escape" && field.value) {
      field.value = "";
      field.dispatchEvent(new Event("input"));
    } else if (event.key === "ArrowDown" && !field.value.includes("\n")) {
      const first = place.querySelector(".hit a");
      if (first) {
        event.preventDefault();
        first.focus();
      }
    }
  });
  place.addEventListener("keydown", (event) => {
    if (event.key !== "ArrowDown" && event.key !== "ArrowUp") {
      return;
    }
    const links = [...place.querySelectorAll(".hit h3 a")];
    const next = links.indexOf(document.activeElement) + (event.key === "ArrowDown" ? 1 : -1);
    event.preventDefault();
    (links[next] || (next < 0 ? field : links[links.length - 1])).focus();
  });
  fit();
  if (place.childElementCount === 0 && asked) {
    show(asked); // the browser has filled the field in again
  }
}

function setUpKeys() {
  document.addEventListener("keydown", (event) => {
    const typing = event.target.closest?.("input, textarea, select, [contenteditable]");
    if (event.key !== "/" || typing || event.ctrlKey || event.metaKey || event.altKey) {
      return;
    }
    const field = byId("q");
    event.preventDefault();
    if (field) {
      field.focus();
      field.scrollIntoView({ block: "center" });
    } else {
      location.assign(`${document.querySelector(".brand").getAttribute("href")}#search`);
    }
  });
  if (location.hash === "#search") {
    byId("q")?.focus();
  }
}

// --- copy buttons ---

function setUpCopying() {
  for (const figure of document.querySelectorAll("[data-copy]")) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "copy";
    button.textContent = "Copy";
    button.addEventListener("click", async () => {
      const code = figure.querySelector("code");
      try {
        await navigator.clipboard.writeText(`${code.textContent.replace(/\n+$/, "")}\n`);
        button.textContent = "Copied";
      } catch {
        getSelection().selectAllChildren(code);
        button.textContent = "Selected";
      }
      setTimeout(() => {
        button.textContent = "Copy";
      }, 2000);
    });
    figure.append(button);
  }
}

// --- a live run ---

const liveSays = {
  queued: () => "Waiting for a worker",
  running: (data) => `Running, attempt ${data.attempt}`,
  done: () => "Done",
  away: () => "The database cannot be reached, waiting for it",
};
const escapes = /\x1b(?:\[[0-?]{0,40}[ -/]{0,4}[@-~]|[@-_])|[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]/g;

function setUpLive() {
  const live = byId("live");
  if (!live?.dataset.events) {
    return;
  }
  const output = byId("live-output");
  const state = byId("live-state");
  const source = new EventSource(`${live.dataset.events}?after=${live.dataset.after}`);
  let attempt = null;

  const say = (name, text) => {
    live.dataset.state = name;
    state.textContent = text;
  };

  source.addEventListener("state", (event) => {
    const data = JSON.parse(event.data);
    if (attempt !== null && data.attempt > attempt && attempt > 0) {
      output.replaceChildren(); // a worker was lost; another one begins anew
    }
    attempt = data.attempt;
    say(data.state, liveSays[data.state](data));
  });
  source.addEventListener("output", (event) => {
    const data = JSON.parse(event.data);
    const follows = output.scrollTop + output.clientHeight >= output.scrollHeight - 8;
    const piece = document.createElement("span");
    piece.className = `out-${data.stream}`;
    const text = data.text.replaceAll("\r\n", "\n").replace(escapes, "");
    piece.textContent = data.stream === "state" && !text.endsWith("\n") ? `${text}\n` : text;
    output.append(piece);
    if (follows) {
      output.scrollTop = output.scrollHeight;
    }
  });
  source.addEventListener("end", (event) => {
    source.close();
    const data = JSON.parse(event.data);
    say("done", "Done");
    showVerdict(live, data);
  });
  source.onerror = () => {
    if (source.readyState === EventSource.CLOSED) {
      say("away", "The run cannot be followed any more. Load the page again.");
    } else {
      say("away", "The connection is lost, trying again");
    }
  };
}

const glyphs = {
  good: "m3.5 8.4 3 3 6-6.6",
  bad: "m4.2 4.2 7.6 7.6M11.8 4.2l-7.6 7.6",
  odd: "M8 3.2v6M8 12.2v.6",
  none: "M4 8h8",
};

function showVerdict(live, data) {
  let tone = "none";
  if (data.confirmed === false || data.run === null) {
    tone = "odd";
  } else if (data.confirmed) {
    tone = data.outcome === "broken" ? "bad" : "good";
  }
  const verdict = document.createElement("p");
  verdict.className = `verdict verdict-${tone}`;
  const glyph = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  const line = document.createElementNS("http://www.w3.org/2000/svg", "path");
  glyph.setAttribute("class", "glyph");
  glyph.setAttribute("viewBox", "0 0 16 16");
  glyph.setAttribute("width", "14");
  glyph.setAttribute("height", "14");
  glyph.setAttribute("aria-hidden", "true");
  line.setAttribute("d", glyphs[tone]);
  glyph.append(line);
  const words = document.createElement("span");
  if (data.run === null) {
    words.textContent = data.error || "It ended without a result.";
  } else {
    const strong = document.createElement("strong");
    strong.textContent = data.outcome;
    const link = document.createElement("a");
    link.href = live.dataset.runs.replace(/0$/, data.run);
    link.textContent = `Run ${data.run}`;
    const declared = data.confirmed ? ", as declared" : data.reason ? `: ${data.reason}` : "";
    words.append(data.version ? `${data.version}: ` : "", strong, `${declared}. `, link);
  }
  verdict.append(glyph, words);
  byId("live-verdict").replaceChildren(verdict);
}

setUpTheme();
setUpSearch();
setUpKeys();
setUpCopying();
setUpLive();
