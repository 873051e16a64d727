// oauth2-mock-server: signs everybody in at once, as whoever the accounts name first.
import { readFileSync } from "node:fs";
import { OAuth2Server } from "oauth2-mock-server";

const [port, _site, accounts] = process.argv.slice(2);
const server = new OAuth2Server();
const first = () => {
  const [sub, claims] = Object.entries(JSON.parse(readFileSync(accounts)))[0];
  return { sub, ...claims };
};
await server.issuer.keys.generate("ES256");
server.service.on("beforeTokenSigning", (token) => Object.assign(token.payload, first()));
server.service.on("beforeUserinfo", (answer) => Object.assign(answer.body, first()));
await server.start(Number(port), "127.0.0.1");
server.issuer.url = `http://127.0.0.1:${port}`;
console.log("ready");
