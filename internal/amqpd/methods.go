package amqpd

import "fmt"

const (
	classConnection = 10
	classBasic      = 60
)

// methodID is class<<16 | method.
type methodID uint32

const (
	idConnectionStart          methodID = 10<<16 | 10
	idConnectionStartOK        methodID = 10<<16 | 11
	idConnectionTune           methodID = 10<<16 | 30
	idConnectionTuneOK         methodID = 10<<16 | 31
	idConnectionOpen           methodID = 10<<16 | 40
	idConnectionOpenOK         methodID = 10<<16 | 41
	idConnectionClose          methodID = 10<<16 | 50
	idConnectionCloseOK        methodID = 10<<16 | 51
	idConnectionBlocked        methodID = 10<<16 | 60
	idConnectionUnblocked      methodID = 10<<16 | 61
	idConnectionUpdateSecret   methodID = 10<<16 | 70
	idConnectionUpdateSecretOK methodID = 10<<16 | 71
	idChannelOpen              methodID = 20<<16 | 10
	idChannelOpenOK            methodID = 20<<16 | 11
	idChannelFlow              methodID = 20<<16 | 20
	idChannelFlowOK            methodID = 20<<16 | 21
	idChannelClose             methodID = 20<<16 | 40
	idChannelCloseOK           methodID = 20<<16 | 41
	idExchangeDeclare          methodID = 40<<16 | 10
	idExchangeDeclareOK        methodID = 40<<16 | 11
	idExchangeDelete           methodID = 40<<16 | 20
	idExchangeDeleteOK         methodID = 40<<16 | 21
	idExchangeBind             methodID = 40<<16 | 30
	idExchangeBindOK           methodID = 40<<16 | 31
	idExchangeUnbind           methodID = 40<<16 | 40
	idExchangeUnbindOK         methodID = 40<<16 | 51
	idQueueDeclare             methodID = 50<<16 | 10
	idQueueDeclareOK           methodID = 50<<16 | 11
	idQueueBind                methodID = 50<<16 | 20
	idQueueBindOK              methodID = 50<<16 | 21
	idQueuePurge               methodID = 50<<16 | 30
	idQueuePurgeOK             methodID = 50<<16 | 31
	idQueueDelete              methodID = 50<<16 | 40
	idQueueDeleteOK            methodID = 50<<16 | 41
	idQueueUnbind              methodID = 50<<16 | 50
	idQueueUnbindOK            methodID = 50<<16 | 51
	idBasicQos                 methodID = 60<<16 | 10
	idBasicQosOK               methodID = 60<<16 | 11
	idBasicConsume             methodID = 60<<16 | 20
	idBasicConsumeOK           methodID = 60<<16 | 21
	idBasicCancel              methodID = 60<<16 | 30
	idBasicCancelOK            methodID = 60<<16 | 31
	idBasicPublish             methodID = 60<<16 | 40
	idBasicReturn              methodID = 60<<16 | 50
	idBasicDeliver             methodID = 60<<16 | 60
	idBasicGet                 methodID = 60<<16 | 70
	idBasicGetOK               methodID = 60<<16 | 71
	idBasicGetEmpty            methodID = 60<<16 | 72
	idBasicAck                 methodID = 60<<16 | 80
	idBasicReject              methodID = 60<<16 | 90
	idBasicRecoverAsync        methodID = 60<<16 | 100
	idBasicRecover             methodID = 60<<16 | 110
	idBasicRecoverOK           methodID = 60<<16 | 111
	idBasicNack                methodID = 60<<16 | 120
	idConfirmSelect            methodID = 85<<16 | 10
	idConfirmSelectOK          methodID = 85<<16 | 11
	idTxSelect                 methodID = 90<<16 | 10
	idTxCommit                 methodID = 90<<16 | 20
	idTxRollback               methodID = 90<<16 | 30
)

var methodNames = map[methodID]string{
	idConnectionStart: "connection.start", idConnectionStartOK: "connection.start-ok",
	idConnectionTune: "connection.tune", idConnectionTuneOK: "connection.tune-ok",
	idConnectionOpen: "connection.open", idConnectionOpenOK: "connection.open-ok",
	idConnectionClose: "connection.close", idConnectionCloseOK: "connection.close-ok",
	idConnectionBlocked: "connection.blocked", idConnectionUnblocked: "connection.unblocked",
	idConnectionUpdateSecret: "connection.update-secret", idConnectionUpdateSecretOK: "connection.update-secret-ok",
	idChannelOpen: "channel.open", idChannelOpenOK: "channel.open-ok",
	idChannelFlow: "channel.flow", idChannelFlowOK: "channel.flow-ok",
	idChannelClose: "channel.close", idChannelCloseOK: "channel.close-ok",
	idExchangeDeclare: "exchange.declare", idExchangeDeclareOK: "exchange.declare-ok",
	idExchangeDelete: "exchange.delete", idExchangeDeleteOK: "exchange.delete-ok",
	idExchangeBind: "exchange.bind", idExchangeBindOK: "exchange.bind-ok",
	idExchangeUnbind: "exchange.unbind", idExchangeUnbindOK: "exchange.unbind-ok",
	idQueueDeclare: "queue.declare", idQueueDeclareOK: "queue.declare-ok",
	idQueueBind: "queue.bind", idQueueBindOK: "queue.bind-ok",
	idQueuePurge: "queue.purge", idQueuePurgeOK: "queue.purge-ok",
	idQueueDelete: "queue.delete", idQueueDeleteOK: "queue.delete-ok",
	idQueueUnbind: "queue.unbind", idQueueUnbindOK: "queue.unbind-ok",
	idBasicQos: "basic.qos", idBasicQosOK: "basic.qos-ok",
	idBasicConsume: "basic.consume", idBasicConsumeOK: "basic.consume-ok",
	idBasicCancel: "basic.cancel", idBasicCancelOK: "basic.cancel-ok",
	idBasicPublish: "basic.publish", idBasicReturn: "basic.return", idBasicDeliver: "basic.deliver",
	idBasicGet: "basic.get", idBasicGetOK: "basic.get-ok", idBasicGetEmpty: "basic.get-empty",
	idBasicAck: "basic.ack", idBasicReject: "basic.reject", idBasicNack: "basic.nack",
	idBasicRecoverAsync: "basic.recover-async", idBasicRecover: "basic.recover", idBasicRecoverOK: "basic.recover-ok",
	idConfirmSelect: "confirm.select", idConfirmSelectOK: "confirm.select-ok",
	idTxSelect: "tx.select", idTxCommit: "tx.commit", idTxRollback: "tx.rollback",
}

// String gives the method's name in the protocol, as in "basic.publish".
func (id methodID) String() string {
	if s, ok := methodNames[id]; ok {
		return s
	}
	return fmt.Sprintf("method %d.%d", uint32(id)>>16, uint32(id)&0xffff)
}
