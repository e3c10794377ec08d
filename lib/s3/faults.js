"use strict";

// What an error of the AWS SDK says about a request.

const STATUS = {
  conflict: 409,
  precondition: 412,
  missing: 404,
  beyondEnd: 416,
  throttled: 429,
  unknown: 501,
};

function statusOf(error) {
  return error?.$metadata?.httpStatusCode;
}

/** There is no such object. */
function isMissing(error) {
  return statusOf(error) === STATUS.missing && error.name !== "NoSuchBucket";
}

/** The range that was asked for begins behind the last byte. */
function isBeyondEnd(error) {
  return statusOf(error) === STATUS.beyondEnd;
}

/** The condition of a write did not hold: nothing was written by this request. An earlier copy of it may have been. */
function isRefused(error) {
  return statusOf(error) === STATUS.precondition;
}

/** The server does not know what it was asked for. */
function isUnknown(error) {
  return statusOf(error) === STATUS.unknown;
}

/** The server wants fewer requests. */
function isThrottled(error) {
  return statusOf(error) === STATUS.throttled || statusOf(error) === 503 || error?.name === "SlowDown";
}

/** The same request may succeed when it is sent again. No answer at all is such a case, and a write that met another. */
function isTransient(error) {
  const status = statusOf(error);
  if (status === undefined)
    return error?.name !== "CredentialsProviderError" && !(error instanceof TypeError);
  return (
    status >= 500 ||
    status === STATUS.throttled ||
    status === STATUS.conflict ||
    status === 408 ||
    error.name === "RequestTimeout" ||
    error.name === "RequestTimeTooSkewed" ||
    status < 400
  );
}

module.exports = { isBeyondEnd, isMissing, isRefused, isThrottled, isTransient, isUnknown };
