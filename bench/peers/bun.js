// Broadcasts every message with Bun's built-in publish.
const server = Bun.serve({
    hostname: "127.0.0.1",
    port: Number(process.argv[2]),
    fetch(request, server) {
        if (!server.upgrade(request)) return new Response("a WebSocket, please", { status: 426 });
    },
    websocket: {
        open: (socket) => socket.subscribe("room"),
        message: (_, data) => server.publish("room", data),
        idleTimeout: 0,
    },
});
