/**
 * Who may ask: only a page that this server gave out. Another page in the same browser cannot know the token; `Host` keeps out names that
 * were made to lead here (DNS rebinding), `Origin` requests that another page sends.
 */
import { createHash, timingSafeEqual } from "node:crypto";
import { Refused } from "./errors.mjs";

const LOOPBACK = /^(?:127\.0\.0\.1|localhost|\[::1\])(?::(\d{1,5}))?$/;
const HTTP_PORT = 80;

const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "connect-src 'self'",
  "img-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
  "trusted-types 'none'",
].join("; ");

/** On every answer, whatever it is. */
export const HEADERS = {
  "Content-Security-Policy": POLICY,
  "X-Content-Type-Options": "nosniff",
  "X-Frame-Options": "DENY",
  "Referrer-Policy": "no-referrer",
  "Cross-Origin-Opener-Policy": "same-origin",
  "Cross-Origin-Resource-Policy": "same-origin",
  "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
  "Cache-Control": "no-store",
};

const digest = (text) => createHash("sha256").update(text).digest();

/** Returns what is asked for, behind the token. Throws `Refused`. */
export function admit(request, token) {
  const { host, origin } = request.headers;
  // NOTE: of several, `headers` has the first, and another reader of the request may go by the last.
  if (request.headersDistinct.host?.length !== 1)
    throw new Refused(400, "A request needs one Host.", "WRONG_HOST");
  const [isHere, port = HTTP_PORT] = LOOPBACK.exec(host) ?? [];
  if (!isHere) throw new Refused(421, "This page is for this machine only.", "WRONG_HOST");
  if (Number(port) !== request.socket.localPort)
    throw new Refused(
      421,
      `This page is at port ${request.socket.localPort}; a forwarded port must be the same on both sides.`,
      "WRONG_HOST",
    );
  const isOwn = origin === `http://${host}`;
  if (origin !== undefined && !isOwn) throw new Refused(403, "Another page has sent this.", "WRONG_ORIGIN");
  // NOTE: browsers send an Origin with every POST.
  if (request.method === "POST" && !isOwn)
    throw new Refused(403, "A request needs an Origin.", "WRONG_ORIGIN");
  const site = request.headers["sec-fetch-site"];
  const isNavigation = request.headers["sec-fetch-mode"] === "navigate";
  if (site !== undefined && !["same-origin", "none"].includes(site) && !isNavigation) {
    throw new Refused(403, "Another page has sent this.", "WRONG_ORIGIN");
  }
  const [, given, asked] = /^\/([^/?#]*)(?:\/([^?#]*))?/.exec(request.url) ?? [];
  if (!timingSafeEqual(digest(given ?? ""), digest(token))) {
    throw new Refused(
      403,
      'Open the address that "opslog ui" has printed: it has a token in it.',
      "WRONG_TOKEN",
    );
  }
  return asked;
}
