package main

import (
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"net/http"
	"os"
)

func main() {
	files := token.NewFileSet()
	file, err := parser.ParseFile(files, "a.go", "package a; var Sum = 1 + 2", 0)
	if err != nil {
		panic(err)
	}
	checked, err := new(types.Config).Check("a", files, []*ast.File{file}, nil)
	fmt.Println(checked, err)
	json.NewEncoder(os.Stdout).Encode(checked.Scope().Names())
	if len(os.Args) > 1 {
		fmt.Println(http.ListenAndServe(os.Args[1], nil))
	}
}
