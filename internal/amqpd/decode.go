package amqpd

// The methods that a client may send. Reserved fields are read and dropped.
type (
	connectionStartOK struct {
		properties          table
		mechanism, response string
	}
	connectionTuneOK struct {
		channelMax uint16
		frameMax   uint32
		heartbeat  uint16
	}
	connectionOpen  struct{ vhost string }
	channelFlow     struct{ active bool }
	exchangeDeclare struct {
		name, kind                                     string
		passive, durable, autoDelete, internal, nowait bool
		args                                           table
	}
	exchangeDelete struct {
		name             string
		ifUnused, nowait bool
	}
	// bind is also unbind, of queues and of exchanges.
	bind struct {
		destination, source, key string
		nowait                   bool
		args                     table
	}
	queueDeclare struct {
		name                                            string
		passive, durable, exclusive, autoDelete, nowait bool
		args                                            table
	}
	queuePurge struct {
		name   string
		nowait bool
	}
	queueDelete struct {
		name                      string
		ifUnused, ifEmpty, nowait bool
	}
	basicQos struct {
		size   uint32
		count  uint16
		global bool
	}
	basicConsume struct {
		queue, tag                        string
		noLocal, noAck, exclusive, nowait bool
		args                              table
	}
	basicCancel struct {
		tag    string
		nowait bool
	}
	basicPublish struct {
		exchange, key        string
		mandatory, immediate bool
	}
	basicGet struct {
		queue string
		noAck bool
	}
	// settle is ack, nack or reject.
	settle struct {
		tag               uint64
		multiple, requeue bool
	}
	basicRecover  struct{ requeue bool }
	confirmSelect struct{ nowait bool }
	// empty stands for methods whose arguments the broker does not use.
	empty struct{}
)

// decodeMethod reads a method frame's payload. A method that no client may
// send, or that the broker does not know, is a 503; a malformed one a 502.
func decodeMethod(payload []byte) (methodID, any, error) {
	r := reader{b: payload}
	id := methodID(r.long())
	m := r.method(id)
	if r.err != nil {
		e := connError(SyntaxError, "%s: %v", id, r.err)
		e.method = id
		return id, nil, e
	}
	if m == nil {
		e := connError(CommandInvalid, "unknown or unexpected method %s", id)
		e.method = id
		return id, nil, e
	}
	return id, m, nil
}

func (r *reader) method(id methodID) any {
	switch id {
	case idConnectionStartOK:
		m := connectionStartOK{properties: r.table(), mechanism: r.shortstr(), response: r.longstr()}
		r.shortstr() // locale
		return m
	case idConnectionTuneOK:
		return connectionTuneOK{r.short(), r.long(), r.short()}
	case idConnectionOpen:
		return connectionOpen{r.shortstr()}
	case idChannelFlow:
		var m channelFlow
		r.bits(&m.active)
		return m
	case idChannelOpen, idChannelClose, idChannelCloseOK, idChannelFlowOK, idConnectionClose, idConnectionCloseOK,
		idConnectionUpdateSecret, idTxSelect, idTxCommit, idTxRollback:
		return empty{}
	case idExchangeDeclare, idExchangeDelete, idExchangeBind, idExchangeUnbind,
		idQueueDeclare, idQueueBind, idQueuePurge, idQueueDelete, idQueueUnbind:
		return r.topologyMethod(id)
	case idConfirmSelect:
		var m confirmSelect
		r.bits(&m.nowait)
		return m
	}
	return r.basicMethod(id)
}

func (r *reader) topologyMethod(id methodID) any {
	r.short()
	switch id {
	case idExchangeDeclare:
		m := exchangeDeclare{name: r.shortstr(), kind: r.shortstr()}
		r.bits(&m.passive, &m.durable, &m.autoDelete, &m.internal, &m.nowait)
		m.args = r.table()
		return m
	case idExchangeDelete:
		m := exchangeDelete{name: r.shortstr()}
		r.bits(&m.ifUnused, &m.nowait)
		return m
	case idQueueDeclare:
		m := queueDeclare{name: r.shortstr()}
		r.bits(&m.passive, &m.durable, &m.exclusive, &m.autoDelete, &m.nowait)
		m.args = r.table()
		return m
	case idQueuePurge:
		m := queuePurge{name: r.shortstr()}
		r.bits(&m.nowait)
		return m
	case idQueueDelete:
		m := queueDelete{name: r.shortstr()}
		r.bits(&m.ifUnused, &m.ifEmpty, &m.nowait)
		return m
	}
	m := bind{destination: r.shortstr(), source: r.shortstr(), key: r.shortstr()}
	if id != idQueueUnbind { // the one of the four that has no nowait
		r.bits(&m.nowait)
	}
	m.args = r.table()
	return m
}

func (r *reader) basicMethod(id methodID) any {
	switch id {
	case idBasicPublish:
		r.short()
		m := basicPublish{exchange: r.shortstr(), key: r.shortstr()}
		r.bits(&m.mandatory, &m.immediate)
		return m
	case idBasicAck:
		m := settle{tag: r.longlong()}
		r.bits(&m.multiple)
		return m
	case idBasicNack:
		m := settle{tag: r.longlong()}
		r.bits(&m.multiple, &m.requeue)
		return m
	case idBasicReject:
		m := settle{tag: r.longlong()}
		r.bits(&m.requeue)
		return m
	case idBasicQos:
		m := basicQos{size: r.long(), count: r.short()}
		r.bits(&m.global)
		return m
	case idBasicConsume:
		r.short()
		m := basicConsume{queue: r.shortstr(), tag: r.shortstr()}
		r.bits(&m.noLocal, &m.noAck, &m.exclusive, &m.nowait)
		m.args = r.table()
		return m
	case idBasicCancel:
		m := basicCancel{tag: r.shortstr()}
		r.bits(&m.nowait)
		return m
	case idBasicGet:
		r.short()
		m := basicGet{queue: r.shortstr()}
		r.bits(&m.noAck)
		return m
	case idBasicRecover, idBasicRecoverAsync:
		var m basicRecover
		r.bits(&m.requeue)
		return m
	}
	return nil
}
