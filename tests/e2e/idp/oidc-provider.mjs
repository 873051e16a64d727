// panva's oidc-provider: a certified OpenID Connect provider with pages to sign in and out.
import { readFileSync } from "node:fs";
import Provider from "oidc-provider";

const [port, site, accounts] = process.argv.slice(2);
const provider = new Provider(`http://127.0.0.1:${port}`, {
  clients: [
    {
      client_id: "hyperstrate",
      client_secret: "a secret of the tests, with + and %",
      redirect_uris: [`${site}/auth/sso/callback`],
      post_logout_redirect_uris: [`${site}/app/login`],
      token_endpoint_auth_method: "client_secret_post",
    },
  ],
  claims: { openid: ["sub"], email: ["email", "email_verified"], profile: ["name"], groups: ["groups"] },
  cookies: { keys: ["of the tests"] },
  findAccount: (_context, id) => ({
    accountId: id,
    claims: () => ({ sub: id, ...JSON.parse(readFileSync(accounts))[id] }),
  }),
});
provider.listen(Number(port), "127.0.0.1", () => console.log("ready"));
