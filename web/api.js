// The server's native API (/openapi.json). Errors carry the server's own words.
let key = "";
export const setKey = (secret) => (key = secret);

export class ApiError extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

function headers(more) {
  return key ? { ...more, Authorization: `Bearer ${key}` } : more;
}

async function refuse(response) {
  let message = `${response.status} ${response.statusText}`;
  try {
    message = (await response.json()).error.message;
  } catch {
    // not JSON: the status has to do
  }
  throw new ApiError(response.status, message);
}

async function ask(method, path, body, accept) {
  const init = { method, headers: headers({ Accept: accept }) };
  if (body !== undefined) {
    init.headers["Content-Type"] = "application/json";
    init.body = JSON.stringify(body);
  }
  const response = await fetch(path, init);
  if (!response.ok) await refuse(response);
  return response;
}

export const get = async (path) => (await ask("GET", path, undefined, "application/json")).json();
export const post = async (path, body) => (await ask("POST", path, body, "application/json")).json();
export const remove = (path) => ask("DELETE", path, undefined, "*/*");
export const bytes = async (path) => (await ask("GET", path, undefined, "*/*")).arrayBuffer();

// Every event of a stream, in order; the last one has `done`.
export async function* stream(path, body) {
  const response = await ask("POST", path, { ...body, stream: true }, "application/jsonl");
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let held = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) break;
    held += value;
    const lines = held.split("\n");
    held = lines.pop();
    for (const line of lines) {
      const event = JSON.parse(line);
      if (event.error) throw new ApiError(500, event.error.message);
      yield event;
    }
  }
}
