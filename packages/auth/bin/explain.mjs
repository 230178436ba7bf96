#!/usr/bin/env node
/**
 * Prints a membership log, or a proof of a fork, as people read it.
 *
 *   npx @skein/auth <file>
 *
 * The file is a recovery kit, a proof, or entries one after the other, each behind its length in four bytes.
 */

import { readFileSync } from "node:fs";
import process from "node:process";

import { explainFile } from "@skein/auth/explain";

process.exitCode = await explain(process.argv[2]);

async function explain(path) {
  if (path === undefined) return complain("Name a file: skein-explain <file>");
  let file;
  try {
    file = readFileSync(path);
  } catch (error) {
    return complain(`${path} cannot be read: ${error.message}`);
  }
  const told = await explainFile(file);
  if (told === undefined) return complain(`${path} is no membership log, and no proof.`);
  process.stdout.write(`${told.join("\n")}\n`);
  return 0;
}

function complain(text) {
  process.stderr.write(`${text}\n`);
  return 1;
}
