"""Who walked there, over HTTP: REST, events, and one page; FastAPI is imported in this room only."""
