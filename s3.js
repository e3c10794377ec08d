"use strict";

// The entry `@backloghq/opslog/s3`: it needs the AWS SDK, which the package itself does not.

const { S3Backend } = require("./lib/s3/backend");

module.exports = { S3Backend };
