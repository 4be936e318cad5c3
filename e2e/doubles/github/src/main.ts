import { createServer } from 'node:http';

const server = createServer((_request, response) => response.writeHead(404).end());
server.listen(Number(process.env.PORT ?? 0), '127.0.0.1');
