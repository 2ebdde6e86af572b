#include "serve/request_reader.h"

#include <algorithm>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <functional>
#include <limits>

#include "serve/errors.h"
#include "serve/header_rules.h"

namespace transept::serve {
namespace http = boost::beast::http;

struct RequestReader::State {
  http::request_parser<http::string_body> parser;
  std::size_t most_header_bytes = 0;
  std::size_t extension_bytes = 0;  // of all chunks
  std::function<void(std::uint64_t, boost::beast::string_view, boost::system::error_code&)>
      on_chunk;  // the parser has a reference
  std::string header;
  HttpRequest request;
  bool skipped_line = false;  // the empty one that some clients send after a body

  [[nodiscard]] const http::request<http::string_body>& message() const { return parser.get(); }
  std::size_t feed_header(std::string_view bytes);
  std::size_t feed_body(std::string_view bytes);
  void parse_header();
};

namespace {

std::string text_of(boost::beast::string_view text) {
  return {text.data(), text.size()};
}

[[noreturn]] void refuse(const boost::system::error_code& error) {
  if (error == http::error::header_limit)
    throw Refusal(431, "the request's header is larger than this server allows");
  if (error == http::error::body_limit)
    throw Refusal(413, "the request's body is larger than is allowed here");
  throw Refusal(400, "this is not an HTTP/1.1 request: " + error.message());
}

[[noreturn]] void refuse_chunk() {
  throw Refusal(431, "the chunks' extensions or trailers are larger than this server allows");
}

}  // namespace

RequestReader::RequestReader(const HttpOptions& options) : state_(std::make_unique<State>()) {
  State& s = *state_;
  s.most_header_bytes = options.max_header_bytes;
  s.parser.header_limit(static_cast<std::uint32_t>(2 * options.max_header_bytes));  // and trailers
  s.on_chunk = [&s](std::uint64_t, boost::beast::string_view extensions,
                    boost::system::error_code& bad) {
    s.extension_bytes += extensions.size();
    if (s.extension_bytes > s.most_header_bytes) bad = http::error::header_limit;
  };
  s.parser.on_chunk_header(s.on_chunk);
  s.parser.body_limit(std::numeric_limits<std::uint64_t>::max());  // see limit_body
}

RequestReader::~RequestReader() = default;

std::size_t RequestReader::feed(std::string_view bytes) {
  return has_header() ? state_->feed_body(bytes) : state_->feed_header(bytes);
}

std::size_t RequestReader::State::feed_header(std::string_view bytes) {
  std::size_t used = 0;
  while (used < bytes.size()) {
    const std::size_t from = header.size();
    const std::string_view rest = bytes.substr(used);
    const std::string_view piece = rest.substr(0, rest.find('\n') + 1);
    const std::string_view line = piece.empty() ? rest : piece;
    check_header_bytes(from == 0 ? '\0' : header.back(), line);
    header += line;
    used += line.size();
    if (header == "\r\n" && !std::exchange(skipped_line, true)) header.clear();
    if (header.size() > most_header_bytes) refuse(http::error::header_limit);
    if (!header.ends_with("\r\n\r\n")) continue;
    parse_header();
    break;
  }
  return used;
}

void RequestReader::State::parse_header() {
  check_header_lines(header);
  boost::system::error_code error;
  const std::size_t n = parser.put(boost::asio::const_buffer(header.data(), header.size()), error);
  if (error) refuse(error);
  if (n != header.size() || !parser.is_header_done())
    throw Refusal(400, "this is not an HTTP/1.1 request");
  header.clear();
  request.method = text_of(message().method_string());
  for (const auto& field : message())
    request.headers.emplace_back(text_of(field.name_string()), text_of(field.value()));
  std::string target = text_of(message().target());
  check_framing(request, target, message().version() < 11);
  const std::size_t mark = std::min(target.find('?'), target.size());
  try {
    request.path = percent_decode(std::string_view(target).substr(0, mark), false);
  } catch (const Error& bad) {
    throw Refusal(400, bad.what());
  }
  request.query = target.substr(std::min(mark + 1, target.size()));
}

std::size_t RequestReader::State::feed_body(std::string_view bytes) {
  std::size_t used = 0;
  while (used < bytes.size() && !parser.is_done()) {
    boost::system::error_code error;
    const std::size_t n =
        parser.put(boost::asio::const_buffer(bytes.data() + used, bytes.size() - used), error);
    used += n;
    if (error == http::error::need_more) {
      // A chunk's line, or the trailers, are read as a whole.
      if (bytes.size() - used > most_header_bytes) refuse_chunk();
      break;
    }
    if (error == http::error::header_limit) refuse_chunk();
    if (error) refuse(error);
    if (n == 0) break;
  }
  return used;
}

bool RequestReader::has_begun() const {
  return !state_->header.empty() || has_header();
}

bool RequestReader::has_header() const {
  return state_->parser.is_header_done();
}

bool RequestReader::is_done() const {
  return state_->parser.is_done();
}

bool RequestReader::expects_continue() const {
  return !is_http_1_0() &&
         same_ignoring_case(text_of(state_->message()[http::field::expect]), "100-continue");
}

bool RequestReader::keeps_alive() const {
  return state_->message().keep_alive();
}

bool RequestReader::is_http_1_0() const {
  return state_->message().version() < 11;
}

HttpRequest RequestReader::take_header() {
  return std::move(state_->request);
}

void RequestReader::limit_body(std::size_t most) {
  const auto length = state_->parser.content_length();
  if (length && *length > most) refuse(http::error::body_limit);
  if (!length) state_->parser.body_limit(most);
}

std::size_t RequestReader::body_size() const {
  return state_->message().body().size();
}

std::string RequestReader::take_body() {
  return std::move(state_->parser.get().body());
}

}  // namespace transept::serve
