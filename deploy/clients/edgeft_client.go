// Asks an `edgeft serve`: one file to copy, on Go's standard library. In a program of your own it is
// of that package, and main goes.
//
//	client := Client{URL: "http://127.0.0.1:8000"}
//	predictions, err := client.Predict([]any{"Shares fell after the report"}, nil)
//
// As a program it answers its arguments, or the lines of standard input, one JSON line each:
//
//	go run edgeft_client.go http://127.0.0.1:8000 "Shares fell after the report"
package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"
)

// ServerError is what the server told: its status (0: there was no answer), one word, and a message.
type ServerError struct {
	Status        int
	Code, Message string
}

func (e *ServerError) Error() string {
	return fmt.Sprintf("%d %s: %s", e.Status, e.Code, e.Message)
}

// Client is a server. Key: what it asks for; Tries: how often a request is sent at most, 8 if 0.
type Client struct {
	URL, Key string
	Tries    int
	HTTP     http.Client
}

// Predict gives the JSON of a prediction for each input: a text, a pair []string{a, b}, or a map of
// "question" and "context". Wishes: "model" where there are several, "scores", "timeout_ms".
func (c *Client) Predict(inputs []any, wishes map[string]any) ([]json.RawMessage, error) {
	body := map[string]any{"inputs": inputs}
	for name, value := range wishes {
		body[name] = value
	}
	var answer struct{ Predictions []json.RawMessage }
	err := c.post("/v1/predict", body, &answer)
	return answer.Predictions, err
}

func (c *Client) post(path string, body, answer any) error {
	sent, err := json.Marshal(body)
	if err != nil {
		return err
	}
	left := c.Tries
	if left == 0 {
		left = 8
	}
	for {
		left--
		response, err := c.send(path, sent)
		if err != nil {
			return &ServerError{0, "network", err.Error()}
		}
		defer response.Body.Close()
		switch again := tryAgain(response.StatusCode); {
		case response.StatusCode == http.StatusOK:
			return json.NewDecoder(response.Body).Decode(answer)
		case !again || left == 0:
			return told(response)
		}
		time.Sleep(wait(response.Header.Get("Retry-After")))
	}
}

// What Retry-After says, in seconds or as a date; a second where it says neither, at most a minute.
func wait(told string) time.Duration {
	seconds, err := strconv.ParseFloat(strings.TrimSpace(told), 64)
	if err != nil || math.IsNaN(seconds) {
		seconds = 1
		if date, err := http.ParseTime(told); err == nil {
			seconds = time.Until(date).Seconds()
		}
	}
	return time.Duration(math.Min(math.Max(seconds, 0), 60) * float64(time.Second))
}

// Too much at a time, or the model is being loaded.
func tryAgain(status int) bool {
	return status == http.StatusTooManyRequests || status == http.StatusServiceUnavailable
}

func (c *Client) send(path string, body []byte) (*http.Response, error) {
	url := strings.TrimRight(c.URL, "/") + path
	request, err := http.NewRequest(http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	request.Header.Set("Content-Type", "application/json")
	if c.Key != "" {
		request.Header.Set("Authorization", "Bearer "+c.Key)
	}
	return c.HTTP.Do(request)
}

func told(response *http.Response) error {
	var body struct {
		Error struct{ Code, Message string }
	}
	if json.NewDecoder(response.Body).Decode(&body) != nil || body.Error.Code == "" {
		return &ServerError{response.StatusCode, "http", response.Status} // not of edgeft: a proxy's
	}
	return &ServerError{response.StatusCode, body.Error.Code, body.Error.Message}
}

// All lines, however long they are.
func lines(from io.Reader) ([]string, error) {
	var found []string
	for reader := bufio.NewReader(from); ; {
		line, err := reader.ReadString('\n')
		if line != "" {
			found = append(found, strings.TrimSuffix(strings.TrimSuffix(line, "\n"), "\r"))
		}
		if err == io.EOF {
			return found, nil
		}
		if err != nil {
			return nil, err
		}
	}
}

func main() {
	client := Client{URL: os.Args[1], Key: os.Getenv("EDGEFT_API_KEY")}
	client.HTTP.Timeout = 30 * time.Second
	texts := os.Args[2:]
	if len(texts) == 0 {
		var err error
		if texts, err = lines(os.Stdin); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
	for len(texts) > 0 {
		count := 32
		if len(texts) < count {
			count = len(texts)
		}
		var inputs []any
		for _, text := range texts[:count] {
			inputs = append(inputs, text)
		}
		predictions, err := client.Predict(inputs, nil)
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		for _, one := range predictions {
			fmt.Println(string(one))
		}
		texts = texts[count:]
	}
}
