"use strict";

// The AWS SDK, an optional peer dependency. The entry loads it when it is loaded itself.

const { opslogError } = require("../errors/errors");

function requirePackage() {
  try {
    return require("@aws-sdk/client-s3");
  } catch (cause) {
    if (cause?.code !== "MODULE_NOT_FOUND") throw cause;
    const message =
      "@backloghq/opslog/s3 needs the package @aws-sdk/client-s3: npm install @aws-sdk/client-s3";
    throw opslogError("OPSLOG_UNSUPPORTED", message, { cause });
  }
}

module.exports = requirePackage();
