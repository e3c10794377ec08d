/** One run for each seed until one fails; its error is printed with the seed, and what all counted is added up in `total`. */
export async function runSeeds({ first, count, total, run }) {
  for (let seed = first; seed < first + count; seed++) {
    try {
      const counts = await run(seed);
      for (const [name, more] of Object.entries(counts)) total[name] += more;
    } catch (error) {
      console.log(`seed ${seed}: ${error.stack}`);
      process.exitCode = 1;
      break;
    }
  }
  console.log(JSON.stringify(total));
}
