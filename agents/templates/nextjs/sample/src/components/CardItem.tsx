import { ArrowLeft, ArrowRight, Trash2 } from "lucide-react";
import { Button } from "@/components/ui/button";
import { Card } from "@/components/ui/card";
import { neighbour } from "@/lib/board";
import type { BoardCard } from "@/lib/data";

type CardItemProps = {
  card: BoardCard;
  onMove: (card: BoardCard, step: -1 | 1) => void;
  onRemove: (card: BoardCard) => void;
};

export function CardItem({ card, onMove, onRemove }: CardItemProps) {
  const left = neighbour(card.column, -1);
  const right = neighbour(card.column, 1);

  return (
    <li>
      <Card className="p-4 pb-2.5 transition-shadow hover:shadow-md">
        <h3 className="leading-snug font-medium wrap-anywhere">{card.title}</h3>
        {card.detail && (
          <p className="mt-1 text-sm wrap-anywhere text-muted-foreground">{card.detail}</p>
        )}
        <div className="mt-2 -ml-2 flex items-center gap-1">
          <Button
            id={`${card.id}-left`}
            variant="ghost"
            size="icon"
            disabled={!left}
            aria-label={left ? `Move “${card.title}” to ${left.title}` : "Already in the first column"}
            onClick={() => onMove(card, -1)}
          >
            <ArrowLeft aria-hidden="true" />
          </Button>
          <Button
            id={`${card.id}-right`}
            variant="ghost"
            size="icon"
            disabled={!right}
            aria-label={right ? `Move “${card.title}” to ${right.title}` : "Already in the last column"}
            onClick={() => onMove(card, 1)}
          >
            <ArrowRight aria-hidden="true" />
          </Button>
          <Button
            variant="destructive"
            size="icon"
            className="-mr-2 ml-auto text-muted-foreground hover:text-destructive"
            aria-label={`Delete “${card.title}”`}
            onClick={() => onRemove(card)}
          >
            <Trash2 aria-hidden="true" />
          </Button>
        </div>
      </Card>
    </li>
  );
}
