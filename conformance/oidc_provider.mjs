// A certified OpenID provider for the tests of the console: node oidc_provider.mjs MODULE PORT PORTAL.
// Everybody may sign in, with any password; each start has keys of its own.
import { generateKeyPairSync, randomBytes } from "node:crypto";
import { pathToFileURL } from "node:url";

const [module, port, portal] = process.argv.slice(2);
const { default: Provider } = await import(pathToFileURL(module).href);

const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
const key = { ...privateKey.export({ format: "jwk" }), alg: "RS256", use: "sig", kid: randomBytes(4).toString("hex") };

const provider = new Provider(`http://localhost:${port}`, {
  jwks: { keys: [key] },
  cookies: { keys: [randomBytes(16).toString("hex")] },
  clients: [{
    client_id: "kvit",
    client_secret: "s3cret+/=",
    redirect_uris: [`${portal}/staff/sign-in/oidc/back`],
    post_logout_redirect_uris: [`${portal}/staff/sign-in`],
    token_endpoint_auth_method: "client_secret_post",
  }],
  claims: { profile: ["name", "preferred_username"], groups: ["groups"] },
  scopes: ["openid", "profile", "groups"],
  conformIdTokenClaims: false,
  pkce: { required: () => true, methods: ["S256"] },
  findAccount: (_, id) => ({
    accountId: id,
    claims: () => ({ sub: id, preferred_username: id, name: "Ана Петрова", groups: ["everybody", "kvit-agents"] }),
  }),
});
provider.listen(Number(port), "127.0.0.1");
