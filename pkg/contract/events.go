package contract

// EventsQueue is the queue of each broker on which services publish [Event]s.
const EventsQueue = "events"

// Event is one line of the timeline.
type Event struct {
	Time     float64 `json:"time"` // unix seconds
	Service  string  `json:"service"`
	Function string  `json:"function"`
	Event    string  `json:"event"`
}

// The names that services bear in events.
const (
	EventCloudGateway  = "cloud_gateway"
	EventUserManager   = "service_user_manager"
	EventCloudTasks    = "service_cloud_ml"
	EventClientGateway = "client_gateway"
	EventClientTasks   = "service_client_ml"
	EventOperator      = "Operator"
)
