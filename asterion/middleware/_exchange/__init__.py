"""How function middleware runs; `exchange` tells the story, `base` is what users see of it."""
