#include "serve/api/stream.h"

namespace transept::serve {

EventStream::EventStream(Call& call, bool may_be_lines) : call_(call) {
  const std::string_view accept = call.exchange.request.header("Accept");
  lines_ = may_be_lines && (accept.find("application/jsonl") != std::string_view::npos ||
                            accept.find("application/x-ndjson") != std::string_view::npos);
}

Task<void> EventStream::send(std::string json, std::string name) {
  if (!call_.exchange.has_begun()) {
    Response head;
    head.content_type = lines_ ? "application/jsonl" : "text/event-stream";
    head.headers.emplace_back("Cache-Control", "no-cache");
    co_await call_.exchange.begin(std::move(head));
  }
  std::string event;
  if (lines_) {
    event = std::move(json) + "\n";
  } else {
    if (!name.empty()) event = "event: " + name + "\n";
    event += "data: " + std::move(json) + "\n\n";
  }
  co_await call_.exchange.write(std::move(event));
}

Task<Answer> EventStream::answer(Ask ask,
                                 std::function<std::string(Token, const std::string&)> more) {
  const Piece piece = [&](Token token, std::string text) -> Task<void> {
    std::string json = more(token, text);
    if (!json.empty()) co_await send(std::move(json));
  };
  Answer result = co_await serve::answer(call_, std::move(ask), piece);
  co_return result;
}

Task<void> EventStream::fail(std::exception_ptr error, ErrorBody body) {
  if (!call_.exchange.has_begun()) std::rethrow_exception(error);
  std::string json;
  try {
    std::rethrow_exception(error);
  } catch (...) {
    json = body(current_failure());
  }
  if (call_.exchange.scope.ended() != Ended::client_gone) co_await send(std::move(json), "error");
  std::rethrow_exception(error);  // for the log
}

}  // namespace transept::serve
