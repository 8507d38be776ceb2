package main
import ("os";"github.com/tender-scheduler/tender/internal/cli")
func main(){ os.Exit(cli.Main()) }
