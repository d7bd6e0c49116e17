// Runs one operation with jsforce and prints what it gave as JSON: node jsforce.mjs OPERATION URL USERNAME PASSWORD
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const require = createRequire(`${process.env.NODE_PATH}/`);
const jsforce = require("jsforce");
const [operation, loginUrl, username, password] = process.argv.slice(2);
const connection = new jsforce.Connection({ loginUrl, version: "67.0" });
const user = await connection.login(username, password);

const manifest = (name) => ({ types: [{ members: ["*"], name }], version: "67.0" });

const operations = {
  async login() {
    const identity = await connection.identity();
    const token = connection.accessToken;
    await connection.logout();
    const late = new jsforce.Connection({ instanceUrl: loginUrl, accessToken: token, version: "67.0" });
    const refused = await late.query("SELECT Id FROM User").catch((error) => error.errorCode);
    return { identity: identity.username, url: user.url, refused };
  },
  async query() {
    const found = await connection.query("SELECT Name, Profile.Name FROM User");
    const row = await connection.sobject("User").retrieve(user.id);
    return { records: found.records, username: row.Username };
  },
  async describe() {
    const all = await connection.describeGlobal();
    return { names: all.sobjects.map((each) => each.name), prefix: (await connection.describe("User")).keyPrefix };
  },
  async list() {
    const listed = await connection.metadata.list([{ type: "ConnectedApp" }]);
    const described = await connection.metadata.describe();
    return { listed: listed.map((each) => each.fullName), types: described.metadataObjects.map((each) => each.xmlName) };
  },
  async update() {
    const app = await connection.metadata.read("ConnectedApp", "Billing");
    delete app.oauthConfig.consumerKey;
    app.label = "Read and updated";
    return connection.metadata.update("ConnectedApp", app);
  },
  async retrieve(type) {
    const retrieved = await connection.metadata.retrieve({ unpackaged: manifest(type), singlePackage: true }).complete();
    return { status: retrieved.status, archive: retrieved.zipFile };
  },
  async deploy(file) {
    const deployed = await connection.metadata
      .deploy(readFileSync(file), { singlePackage: true, rollbackOnError: true })
      .complete(true);
    const failures = [deployed.details.componentFailures ?? []].flat();
    return { status: deployed.status, problems: failures.map((each) => each.problem) };
  },
};

const [name, argument] = operation.split(":");
console.log(JSON.stringify(await operations[name](argument)));
