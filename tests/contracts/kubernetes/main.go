// Reads manifests on standard input as an API server does with strict field validation: a field that Kubernetes does
// not know, said twice, or of another type is an error.
package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"

	"k8s.io/apimachinery/pkg/runtime/serializer/json"
	"k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/client-go/kubernetes/scheme"
)

func main() {
	strict := json.NewSerializerWithOptions(json.DefaultMetaFactory, scheme.Scheme, scheme.Scheme,
		json.SerializerOptions{Yaml: true, Strict: true})
	documents := yaml.NewYAMLReader(bufio.NewReader(os.Stdin))
	failed, read := 0, 0
	for {
		document, err := documents.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(2)
		}
		read++
		if _, kind, err := strict.Decode(document, nil, nil); err != nil {
			failed++
			fmt.Fprintln(os.Stderr, kind, err)
		}
	}
	fmt.Println(read)
	if failed > 0 {
		os.Exit(1)
	}
}
