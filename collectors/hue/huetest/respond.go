package huetest

import (
	"fmt"
	"net/http"
	"strconv"
)

// page answers with the error page of the bridge's web server.
func page(w http.ResponseWriter, status int) {
	title := fmt.Sprintf("%d %s", status, http.StatusText(status))
	w.Header().Set("Content-Type", "text/html")
	w.WriteHeader(status)
	_, _ = fmt.Fprintf(w, "<html>\r\n<head><title>%s</title></head>\r\n<body>\r\n<center><h1>%[1]s</h1></center>\r\n<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n", title)
}

func write(w http.ResponseWriter, status int, text []byte) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(len(text)))
	w.WriteHeader(status)
	// A client that went away is no concern of the bridge's.
	_, _ = w.Write(text)
}

func writeV1Error(w http.ResponseWriter, number int, address, description string) {
	writeV1(w, []object{{"error": object{"type": number, "address": address, "description": description}}})
}

func writeV1(w http.ResponseWriter, v any) { write(w, http.StatusOK, encode(v)) }

func writeV2Error(w http.ResponseWriter, status int) {
	write(w, status, encode(object{"errors": []object{{"description": http.StatusText(status)}}}))
}
