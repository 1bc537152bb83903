"""The station's face: REST, WebSocket and who may use them. The one place that imports FastAPI."""
