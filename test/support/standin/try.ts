import { standIn } from "./standin.ts";

process.stdout.write(JSON.stringify(await standIn(), null, 2) + "\n");
