// EventStream: an answer that grows. Server-sent events, or one JSON object a line for those who
// accept application/jsonl or application/x-ndjson. The status line goes out with the first event,
// so what fails before still gets a status of its own.
#pragma once

#include <string>

#include "serve/router.h"
#include "serve/service.h"

namespace transept::serve {

class EventStream {
 public:
  explicit EventStream(Call& call, bool may_be_lines = false);
  EventStream(const EventStream&) = delete;
  EventStream& operator=(const EventStream&) = delete;
  ~EventStream() = default;

  // One object; `name` is the event's type, left out if empty.
  Task<void> send(std::string json, std::string name = {});
  // Answers the question as a stream: `more` is sent what follows for each token, in order.
  Task<Answer> answer(Ask ask, std::function<std::string(Token, const std::string&)> more);
  // For a failure: thrown on if nothing has been sent yet, else told as the last event.
  Task<void> fail(std::exception_ptr error, ErrorBody body);

 private:
  Call& call_;
  bool lines_ = false;
};

}  // namespace transept::serve
