export { Badge } from './Badge';
export { Button } from './Button';
export { Card, CardContent, CardHeader, CardTitle } from './Card';
export { Input } from './Input';
