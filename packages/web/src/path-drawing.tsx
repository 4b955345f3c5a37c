import { count } from "./log-place.tsx";

/** One step of a path, as it is drawn. Hashes are base64. */
export interface DrawnStep {
  /** On which side of the path the hash stands. */
  readonly side: "left" | "right";
  readonly hash: string;
  /** The records below it: [from, to). */
  readonly from: number;
  readonly to: number;
  readonly parent: string;
}

export interface PathDrawingProps {
  readonly index: number;
  readonly leafHash: string;
  readonly size: number;
  readonly root: string;
  /** How many signature lines the checkpoint has. */
  readonly signatures: number;
  /** Leaf to root. */
  readonly steps: readonly DrawnStep[];
}

/** In units of the drawing, which is as wide as a phone: text of 13 units is 13 px there. */
const width = 360;
const box = { width: 164, height: 44 };
const between = 34;
const centre = { left: 88, middle: width / 2, right: width - 88 };

type Place = keyof typeof centre;

interface Box {
  readonly place: Place;
  readonly row: number;
  readonly look: "path" | "beside" | "leaf" | "root" | "note";
  readonly title: string;
  readonly detail: string;
}

/** The records below a hash, in words: [from, to). */
export function sayRange(from: number, to: number): string {
  if (to - from === 1) return `record ${from}`;
  return `records ${from} to ${to - 1}`;
}

function short(hash: string): string {
  return `${hash.slice(0, 10)}…`;
}

const top = (row: number): number => 1 + row * (box.height + between);

/**
 * The proof as a picture: from the record at the bottom up to the root and the signed checkpoint. Each row shows both
 * children of the hash above it where they stand in the tree: the one on the path, and the one that the proof gives.
 */
export function PathDrawing(props: PathDrawingProps) {
  const { index, leafHash, size, steps } = props;
  const boxes = boxesOf(props);
  const rows = Math.max(...boxes.map(({ row }) => row)) + 1;
  const height = top(rows) - between + 1;
  return (
    <svg
      class="tree"
      viewBox={`0 0 ${width} ${height}`}
      role="img"
      aria-labelledby="tree-title tree-text"
      xmlns="http://www.w3.org/2000/svg"
    >
      <title id="tree-title">{`The way of record ${index} to the signed root`}</title>
      <desc id="tree-text">
        {`The hash ${leafHash} of record ${index} and ${count(steps.length, "hash", "hashes")} beside its way make the root ${props.root} of the tree of ${count(size, "record")}, which the checkpoint signs. The list after this picture has every step.`}
      </desc>
      {edgesOf(boxes).map(({ from, to, look }) => (
        <path key={`${from.x} ${from.y} ${to.x}`} class={`edge ${look}`} d={curve(from, to)} />
      ))}
      {boxes.map((each) => (
        <g key={`${each.row} ${each.place}`} class={`node ${each.look}`}>
          <rect
            x={centre[each.place] - box.width / 2}
            y={top(each.row)}
            width={box.width}
            height={box.height}
            rx={each.look === "note" ? 2 : 8}
          />
          <text class="hash" x={centre[each.place]} y={top(each.row) + 18}>
            {each.title}
          </text>
          <text class="range" x={centre[each.place]} y={top(each.row) + 35}>
            {each.detail}
          </text>
        </g>
      ))}
    </svg>
  );
}

/** Top to bottom: checkpoint, root, then both children of each hash on the path. */
function boxesOf({ index, leafHash, size, root, signatures, steps }: PathDrawingProps): readonly Box[] {
  const boxes: Box[] = [
    {
      place: "middle",
      row: 0,
      look: "note",
      title: `checkpoint, ${size}`,
      detail: `signed by ${count(signatures, "key")}`,
    },
    {
      place: "middle",
      row: 1,
      look: steps.length === 0 ? "leaf" : "root",
      title: short(root),
      detail: steps.length === 0 ? `record ${index}, and the root` : "root",
    },
  ];
  const down = steps.toReversed();
  for (const [depth, step] of down.entries()) {
    const isLast = depth === down.length - 1;
    const below = down[depth + 1];
    const ends = pathRange(index, steps.slice(0, steps.length - 1 - depth));
    const onPath = step.side === "left" ? "right" : "left";
    boxes.push({
      place: onPath,
      row: depth + 2,
      look: isLast ? "leaf" : "path",
      title: short(below?.parent ?? leafHash),
      detail: sayRange(...ends),
    });
    boxes.push({
      place: step.side,
      row: depth + 2,
      look: "beside",
      title: short(step.hash),
      detail: sayRange(step.from, step.to),
    });
  }
  return boxes;
}

/** The records below the path after these steps. */
function pathRange(index: number, steps: readonly DrawnStep[]): [from: number, to: number] {
  return [Math.min(index, ...steps.map(({ from }) => from)), Math.max(index + 1, ...steps.map(({ to }) => to))];
}

interface Edge {
  readonly from: Point;
  readonly to: Point;
  readonly look: "path" | "beside";
}

interface Point {
  readonly x: number;
  readonly y: number;
}

function edgesOf(boxes: readonly Box[]): readonly Edge[] {
  return boxes.flatMap((each) => {
    const above = boxes.find(({ row, look }) => row === each.row - 1 && look !== "beside");
    if (above === undefined) return [];
    return {
      from: { x: centre[above.place], y: top(above.row) + box.height },
      to: { x: centre[each.place], y: top(each.row) },
      look: each.look === "beside" ? ("beside" as const) : ("path" as const),
    };
  });
}

function curve(from: Point, to: Point): string {
  const bend = between / 2;
  return `M${from.x} ${from.y}C${from.x} ${from.y + bend} ${to.x} ${to.y - bend} ${to.x} ${to.y}`;
}
