/** Calls of the server. The token stands in the page's own address, so that relative paths lead to it. */

/** The server has refused something, or is gone. */
export class CallFailed extends Error {
  constructor({ code, message, path, offset }) {
    super(message);
    Object.assign(this, { code, path, offset });
  }
}

const GONE = {
  code: "GONE",
  message:
    "The program that serves this page has ended. Start it again, and open the address that it prints.",
};

async function post(path, args, signal) {
  let response;
  try {
    response = await fetch(path, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(args),
      signal,
    });
  } catch (error) {
    throw error.name === "AbortError" ? error : new CallFailed(GONE);
  }
  if (response.ok) return response;
  const { error } = await response
    .json()
    .catch(() => ({ error: { code: "FAILED", message: response.statusText } }));
  throw new CallFailed(error);
}

/** What the server answers to a call. */
export async function call(name, args = {}, { signal } = {}) {
  return (await post(`api/${name}`, args, signal)).json();
}

/** Records as a file, as the browser keeps it. */
export async function exported(args) {
  return (await post("export", args)).blob();
}
