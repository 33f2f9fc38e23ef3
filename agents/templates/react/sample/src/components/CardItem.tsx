import { ArrowLeft, ArrowRight, Trash2 } from 'lucide-react';
import { neighbour, type BoardCard, type Direction } from '@/board';
import { Button, Card } from '@/components/ui';

interface CardItemProps {
  card: BoardCard;
  onMove: (direction: Direction) => void;
  onDelete: () => void;
}

export function CardItem({ card, onMove, onDelete }: CardItemProps) {
  const left = neighbour(card.column, 'left');
  const right = neighbour(card.column, 'right');

  return (
    <li data-card={card.id}>
      <Card className="group p-3 transition-shadow hover:shadow-md">
        <p className="px-1 text-sm font-medium wrap-anywhere">{card.title}</p>
        <div className="mt-2 flex items-center gap-1 text-muted-foreground">
          <Button
            variant="ghost"
            size="icon"
            className="text-inherit hover:text-foreground"
            data-move="left"
            disabled={!left}
            aria-label={
              left ? `Move “${card.title}” to ${left.title}` : 'Already in the first column'
            }
            onClick={() => onMove('left')}
          >
            <ArrowLeft />
          </Button>
          <Button
            variant="ghost"
            size="icon"
            className="text-inherit hover:text-foreground"
            data-move="right"
            disabled={!right}
            aria-label={
              right ? `Move “${card.title}” to ${right.title}` : 'Already in the last column'
            }
            onClick={() => onMove('right')}
          >
            <ArrowRight />
          </Button>
          <Button
            variant="ghost"
            size="icon"
            className="ml-auto text-inherit hover:text-destructive"
            aria-label={`Delete “${card.title}”`}
            onClick={onDelete}
          >
            <Trash2 />
          </Button>
        </div>
      </Card>
    </li>
  );
}
