import type { BoundPlace, Checksums } from "../checksums/checksums.ts";

const pageSize = 100;

/** Every bound version one after the other; the cursor is its position. A page is read at a time. */
export function createPlaces({ boundAfter }: Pick<Checksums, "boundAfter">): {
  next(cursor: string): Promise<{ readonly cursor: string; readonly item: BoundPlace } | undefined>;
} {
  let page: readonly BoundPlace[] = [];
  return {
    async next(cursor) {
      const after = cursor === "" ? 0 : Number(cursor);
      let at = page.findIndex(({ position }) => position > after);
      // What lies before the page, or behind it, is not in it.
      if (at <= 0 && page[at - 1]?.position !== after) {
        page = await boundAfter(after, pageSize);
        at = 0;
      }
      const item = page[at];
      return item && { cursor: String(item.position), item };
    },
  };
}
