package access

import "container/list"

// lru keeps the values that were used last. It is not for concurrent use.
type lru[K comparable, V any] struct {
	most  int
	order *list.List // of *entry, the one used last at the front
	byKey map[K]*list.Element
}

type entry[K comparable, V any] struct {
	key   K
	value V
}

func newLRU[K comparable, V any](most int) *lru[K, V] {
	return &lru[K, V]{most: most, order: list.New(), byKey: map[K]*list.Element{}}
}

func (l *lru[K, V]) get(key K) (value V, found bool) {
	e := l.byKey[key]
	if e == nil {
		return value, false
	}
	l.order.MoveToFront(e)
	return e.Value.(*entry[K, V]).value, true
}

// put keeps a value, and lets the one go that was not used for the longest time
// when there are too many.
func (l *lru[K, V]) put(key K, value V) {
	if e := l.byKey[key]; e != nil {
		e.Value.(*entry[K, V]).value = value
		l.order.MoveToFront(e)
		return
	}
	if l.order.Len() >= l.most {
		oldest := l.order.Back()
		delete(l.byKey, oldest.Value.(*entry[K, V]).key)
		l.order.Remove(oldest)
	}
	l.byKey[key] = l.order.PushFront(&entry[K, V]{key, value})
}

func (l *lru[K, V]) clear() {
	l.order.Init()
	clear(l.byKey)
}

func (l *lru[K, V]) len() int { return l.order.Len() }
