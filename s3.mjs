// The same class as through require().
import s3 from "./s3.js";

export const { S3Backend } = s3;
