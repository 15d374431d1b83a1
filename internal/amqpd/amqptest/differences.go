package amqptest

// difference is one place where the embedded broker and RabbitMQ 3.10 differ.
type difference struct {
	amqpd, rabbit any
	why           string
}

// differences are all that there are, by what the tests call them.
var differences = map[string]difference{
	"tx.select": {
		amqpd:  "NOT_IMPLEMENTED - transactions are not served by the embedded broker",
		rabbit: "",
		why:    "AGATA uses publisher confirms; transactions are out of the embedded broker's scope",
	},
}
