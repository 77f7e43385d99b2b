// sign.mjs - signs what stdin asks for, as JSON, with an unmodified @aws-sdk/cloudfront-signer: a list of {cookies, ...what
// the signer takes}; prints the list of URLs, or of cookies by name.
import { readFileSync } from "node:fs";
import { getSignedCookies, getSignedUrl } from "@aws-sdk/cloudfront-signer";

const wishes = JSON.parse(readFileSync(0, "utf8"));
const made = wishes.map(({ cookies, key, ...wish }) => {
  const all = { ...wish, privateKey: readFileSync(key, "utf8") };
  return cookies ? getSignedCookies(all) : getSignedUrl(all);
});
console.log(JSON.stringify(made));
