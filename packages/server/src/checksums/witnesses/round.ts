import { judgeQuorum } from "@assay/core";
import type { QuorumVerdict, WitnessPolicy } from "@assay/core";
import type { AskOutcome, ToCosign } from "./ask.ts";

/** One witness as a round sees it. */
export interface RoundWitness {
  /** Name in the policy. */
  readonly name: string;
  /** Never rejects but by a fault. */
  readonly ask: (asked: ToCosign) => Promise<AskOutcome>;
}

export interface RoundResult {
  readonly verdict: QuorumVerdict;
  /** What each witness answered, as far as it has. */
  readonly outcomes: ReadonlyMap<string, AskOutcome>;
}

/**
 * Asks all witnesses for one checkpoint at once, so that their cosignatures are of the same size. `gathered` is called
 * with all lines so far each time that there are more of them and the quorum is met: first to publish, then to add
 * the late ones. Calls do not overlap.
 *
 * Resolves when the quorum is met and the first such call has ended, or when everybody has answered. Late answers are
 * still gathered behind it; `settled` resolves with the last of them.
 */
export function startRound(
  { policy, witnesses }: { readonly policy: WitnessPolicy; readonly witnesses: readonly RoundWitness[] },
  asked: ToCosign,
  gathered: (lines: readonly string[]) => Promise<void>,
): { readonly decided: Promise<RoundResult>; readonly settled: Promise<RoundResult> } {
  const outcomes = new Map<string, AskOutcome>();
  const decided = Promise.withResolvers<RoundResult>();
  let gathering = Promise.resolve();

  const result = (): RoundResult => {
    const cosigned = [...outcomes].filter(([, { outcome }]) => outcome === "cosigned").map(([name]) => name);
    return { verdict: judgeQuorum(policy, new Set(cosigned)), outcomes };
  };

  async function ask(witness: RoundWitness): Promise<void> {
    const outcome = await witness.ask(asked);
    outcomes.set(witness.name, outcome);
    const now = result();
    if (outcome.outcome !== "cosigned" || !now.verdict.met) return;
    const lines = [...outcomes.values()].flatMap((each) => (each.outcome === "cosigned" ? each.lines : []));
    gathering = gathering.then(() => gathered(lines));
    await gathering;
    decided.resolve(now);
  }

  const settled = (async () => {
    try {
      await Promise.all(witnesses.map(ask));
      decided.resolve(result());
    } catch (error) {
      decided.reject(error);
      throw error;
    }
    return result();
  })();
  return { decided: decided.promise, settled };
}
