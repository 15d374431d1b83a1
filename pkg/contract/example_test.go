package contract_test

import (
	"fmt"

	"github.com/agata-fl/agata/pkg/contract"
)

func ExampleSchemas_Validate() {
	schemas, err := contract.CompileSchemas()
	if err != nil {
		panic(err)
	}
	err = schemas.Validate(contract.StartServerTask.Name, []byte(`{"task_id":"4fe5","args":"-v"}`))
	fmt.Println(contract.InvalidArguments(contract.StartServerTask.Name, err.Error()))
	// Output:
	// rpc_exec_start_server_task cannot be executed due to invalid arguments: additional properties 'args' not allowed
}
