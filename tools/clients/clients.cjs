// The npm packages against a server: node clients.cjs URL MODEL
const OpenAI = require("openai").default ?? require("openai");
const [url, model] = process.argv.slice(2);
let failures = 0;

async function check(name, f) {
  try {
    console.log(`ok    ${name}: ${await f()}`);
  } catch (error) {
    failures += 1;
    console.log(`FAIL  ${name}: ${error}`);
  }
}

async function main() {
  const client = new OpenAI({ baseURL: `${url}/v1`, apiKey: "none", maxRetries: 0 });
  const messages = [{ role: "user", content: "The dog sleeps" }];
  await check("npm openai chat", async () =>
    (await client.chat.completions.create({ model, messages })).choices[0].message.content);
  await check("npm openai chat, a stream", async () => {
    let text = "";
    for await (const event of await client.chat.completions.create({ model, messages, stream: true }))
      text += event.choices[0].delta.content ?? "";
    return text;
  });
  await check("npm openai responses", async () =>
    (await client.responses.create({ model, input: "The dog sleeps" })).output_text);
  await check("npm libretranslate", async () => {
    const { translate } = require("libretranslate");
    return translate({ query: "The dog sleeps", source: "en", target: "de", apiurl: url });
  });
  process.exit(failures ? 1 : 0);
}
main();
