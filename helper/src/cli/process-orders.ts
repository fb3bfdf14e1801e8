// What the processes of `top` are ordered by, each with its key.

export const processOrders = [
  { name: 'rate', key: 'r', title: 'rate' },
  { name: 'total', key: 't', title: 'total' },
  { name: 'sent', key: 's', title: 'sent' },
  { name: 'received', key: 'd', title: 'received' },
  { name: 'connections', key: 'c', title: 'connections' },
  { name: 'name', key: 'n', title: 'name' },
  { name: 'pid', key: 'p', title: 'process id' },
] as const;

export type ProcessOrder = (typeof processOrders)[number]['name'];

/** The keys in words. */
export const keysOfTop = `q quits, ${processOrders.map(({ key, title }) => `${key} ${title}`).join(', ')}`;
