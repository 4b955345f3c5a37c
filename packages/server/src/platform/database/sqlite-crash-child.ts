/**
 * Run by sqlite-crash.test.ts and killed in the middle: writes pairs of rows from many callers at once and
 * prints the number of each pair after its write resolved.
 */
import { createSqliteDatabase } from "./sqlite.ts";

interface Pairs {
  pairs: { number: number; half: string };
}

const [, , path = "", callers = "8"] = process.argv;
const database = await createSqliteDatabase({ path });
let next = Number(process.argv[4] ?? "0");

async function caller(): Promise<void> {
  for (;;) {
    const number = (next += 1);
    try {
      await database.write(async (transaction) => {
        const tables = transaction.withTables<{ pairs: Pairs["pairs"] }>();
        await tables.insertInto("pairs").values({ number, half: "left" }).execute();
        if (number % 5 === 0) throw new Error("every fifth is undone");
        await tables.insertInto("pairs").values({ number, half: "right" }).execute();
      });
      process.stdout.write(`${number}\n`);
    } catch (error) {
      if (number % 5 !== 0) process.stderr.write(`${String(error)}\n`);
    }
  }
}

for (let index = 0; index < Number(callers); index += 1) void caller();
