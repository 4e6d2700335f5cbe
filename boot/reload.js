// Reloads the page after a rebuild by `trunk serve`. Trunk's own script for this is inline, which the CSP forbids. A built
// bundle has no inline script and does not load this file.
function reloadOnRebuild() {
  const url = new URL(".well-known/trunk/ws", document.baseURI);
  url.protocol = url.protocol.replace("http", "ws");
  const listen = (onopen) => {
    const socket = new WebSocket(url);
    socket.onopen = onopen;
    socket.onmessage = ({ data }) => {
      const message = JSON.parse(data);
      if (message.type === "reload") location.reload();
      else if (message.type === "buildFailure") console.error(message.data.reason);
    };
    socket.onclose = () => setTimeout(listen, 2000, () => location.reload());
  };
  listen(null);
}

reloadOnRebuild();
