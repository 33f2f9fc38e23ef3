// Joins the two sides of a sandbox's wall: every connection to LISTEN is passed on to TARGET.
// Each is a port on this network's loopback or the path of a unix socket.
// Usage: node forward.mjs LISTEN TARGET
import { rmSync } from 'node:fs';
import net from 'node:net';

const [listen, target] = process.argv.slice(2);
const isPort = (side) => /^\d+$/.test(side);

// A server on "localhost" may have only one of the two loopback addresses.
const routes = isPort(target)
  ? [{ host: '127.0.0.1', port: Number(target) }, { host: '::1', port: Number(target) }]
  : [{ path: target }];

function dial(client, [route, ...others]) {
  const upstream = net.connect({ ...route, allowHalfOpen: true });
  const giveUp = () => (others.length ? dial(client, others) : client.destroy());
  upstream.once('error', giveUp);
  upstream.once('connect', () => {
    upstream.off('error', giveUp);
    upstream.on('error', () => client.destroy());
    client.on('error', () => upstream.destroy());
    client.on('close', () => upstream.destroy());
    upstream.on('close', () => client.destroy());
    client.pipe(upstream);
    upstream.pipe(client);
  });
}

const server = net.createServer({ allowHalfOpen: true }, (client) => {
  client.on('error', () => client.destroy());
  dial(client, routes);
});
if (!isPort(listen)) rmSync(listen, { force: true });
server.listen(isPort(listen) ? { host: '127.0.0.1', port: Number(listen) } : { path: listen });
