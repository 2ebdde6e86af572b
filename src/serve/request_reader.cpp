#include "serve/request_reader.h"

#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>

#include "serve/errors.h"

namespace transept::serve {
namespace http = boost::beast::http;

struct RequestReader::State {
  http::request_parser<http::string_body> parser;
  HttpOptions options;

  [[nodiscard]] const http::request<http::string_body>& message() const { return parser.get(); }
  void check_header();
};

namespace {

std::string text_of(boost::beast::string_view text) {
  return {text.data(), text.size()};
}

[[noreturn]] void refuse(const boost::system::error_code& error) {
  if (error == http::error::header_limit)
    throw Refusal(431, "the request's header is larger than this server allows");
  if (error == http::error::body_limit)
    throw Refusal(413, "the request's body is larger than this server allows");
  throw Refusal(400, "this is not an HTTP/1.1 request: " + error.message());
}

bool is_memory_data(std::string_view target) {
  return target.starts_with("/v1/memories/") && target.ends_with("/data");
}

}  // namespace

RequestReader::RequestReader(const HttpOptions& options) : state_(std::make_unique<State>()) {
  state_->options = options;
  state_->parser.header_limit(static_cast<std::uint32_t>(options.max_header_bytes));
  state_->parser.body_limit(options.max_data_bytes);
}

RequestReader::~RequestReader() = default;

// The body's bound depends on what is asked for: an uploaded memory may be larger.
void RequestReader::State::check_header() {
  if (message().method() == http::verb::put && is_memory_data(text_of(message().target()))) return;
  const auto length = parser.content_length();
  if (length && *length > options.max_body_bytes) refuse(http::error::body_limit);
  if (!length) parser.body_limit(options.max_body_bytes);
}

std::size_t RequestReader::feed(std::string_view bytes) {
  std::size_t used = 0;
  while (used < bytes.size() && !state_->parser.is_done()) {
    const bool had_header = state_->parser.is_header_done();
    boost::system::error_code error;
    const std::size_t n = state_->parser.put(
        boost::asio::const_buffer(bytes.data() + used, bytes.size() - used), error);
    used += n;
    if (error == http::error::need_more) break;
    if (error) refuse(error);
    if (!had_header && state_->parser.is_header_done()) state_->check_header();
    if (n == 0 && had_header) break;
  }
  return used;
}

bool RequestReader::has_header() const {
  return state_->parser.is_header_done();
}

bool RequestReader::is_done() const {
  return state_->parser.is_done();
}

bool RequestReader::expects_continue() const {
  return same_ignoring_case(text_of(state_->message()[http::field::expect]), "100-continue");
}

bool RequestReader::keeps_alive() const {
  return state_->message().keep_alive();
}

bool RequestReader::is_http_1_0() const {
  return state_->message().version() < 11;
}

HttpRequest RequestReader::take() {
  auto message = state_->parser.release();
  HttpRequest request;
  request.method = text_of(message.method_string());
  for (const auto& field : message)
    request.headers.emplace_back(text_of(field.name_string()), text_of(field.value()));
  const std::string target = text_of(message.target());
  const std::size_t mark = std::min(target.find('?'), target.size());
  request.path = percent_decode(std::string_view(target).substr(0, mark), false);
  request.query = target.substr(std::min(mark + 1, target.size()));
  request.body = std::move(message.body());
  return request;
}

}  // namespace transept::serve
