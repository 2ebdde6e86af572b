#include "serve/header_rules.h"

#include <algorithm>
#include <charconv>

#include "serve/errors.h"

namespace transept::serve {
namespace {

constexpr std::string_view kNotHttp = "this is not an HTTP/1.1 request: ";

[[noreturn]] void refuse(std::string_view what) {
  throw Refusal(400, std::string(kNotHttp) + std::string(what));
}

bool is_alphanumeric(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

bool is_token(std::string_view text) {
  constexpr std::string_view kMarks = "!#$%&'*+-.^_`|~";
  return !text.empty() && std::all_of(text.begin(), text.end(), [&](char c) {
    return is_alphanumeric(c) || kMarks.find(c) != std::string_view::npos;
  });
}

bool is_number(std::string_view text) {
  return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
}

std::string_view trimmed(std::string_view text) {
  const size_t begin = text.find_first_not_of(" \t");
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t") + 1 - begin);
}

void check_request_line(std::string_view line) {
  const size_t first = line.find(' ');
  const size_t last = line.rfind(' ');
  if (first == std::string_view::npos || first == last) refuse("no METHOD TARGET HTTP/1.1");
  if (!is_token(line.substr(0, first))) refuse("the method is no name");
  const std::string_view target = line.substr(first + 1, last - first - 1);
  if (target.empty() || target.find_first_of(" \t") != std::string_view::npos)
    refuse("white space in the target");
  const std::string_view version = line.substr(last + 1);
  if (version == "HTTP/1.1" || version == "HTTP/1.0") return;
  const bool other = version.size() == 8 && version.starts_with("HTTP/") &&
                     is_number(version.substr(5, 1)) && version[6] == '.' &&
                     is_number(version.substr(7));
  if (!other) refuse("no version at the end of its first line");
  throw Refusal(505, "this server speaks HTTP/1.1 and HTTP/1.0");
}

void check_field_line(std::string_view line) {
  if (line.front() == ' ' || line.front() == '\t') refuse("a folded header line");
  const size_t colon = line.find(':');
  if (colon == std::string_view::npos) refuse("a header line without a colon");
  if (!is_token(line.substr(0, colon))) refuse("a header's name is no name");
}

// The fields of one name. Most may come once.
std::vector<std::string_view> values_of(const HttpRequest& request, std::string_view name) {
  std::vector<std::string_view> values;
  for (const auto& [key, value] : request.headers)
    if (same_ignoring_case(key, name)) values.emplace_back(value);
  return values;
}

// No coding but chunked is known, and it comes once. What is unknown may be anything: the
// connection cannot be read on.
bool is_chunked(const std::vector<std::string_view>& fields) {
  bool chunked = false;
  for (const std::string_view field : fields) {
    for (size_t at = 0; at <= field.size();) {
      const size_t end = std::min(field.find(',', at), field.size());
      const std::string_view coding = trimmed(field.substr(at, end - at));
      at = end + 1;
      if (coding.empty()) refuse("an empty Transfer-Encoding");
      if (!same_ignoring_case(coding, "chunked"))
        throw Refusal(501, "a Transfer-Encoding other than chunked is not known here");
      if (chunked) refuse("chunked twice");
      chunked = true;
    }
  }
  return chunked;
}

void check_length(HttpRequest& request, bool is_http_1_0) {
  const auto codings = values_of(request, "Transfer-Encoding");
  const auto lengths = values_of(request, "Content-Length");
  if (!codings.empty()) {
    if (is_http_1_0) refuse("HTTP/1.0 has no Transfer-Encoding");
    if (!lengths.empty()) refuse("Content-Length beside Transfer-Encoding");
    request.is_chunked = is_chunked(codings);
  }
  if (lengths.empty()) return;
  if (lengths.size() > 1) refuse("more than one Content-Length");
  const std::string_view digits = lengths.front();
  std::uint64_t length = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), length);
  if (!is_number(digits) || error != std::errc{}) refuse("a Content-Length that is no number");
  request.content_length = length;
}

// "http://host:80/path?x" -> "/path?x"; empty: no such form.
std::string absolute_path(std::string_view target, std::string& host) {
  const size_t scheme = target.find("://");
  if (scheme == std::string_view::npos) return "";
  const std::string_view name = target.substr(0, scheme);
  if (!same_ignoring_case(name, "http") && !same_ignoring_case(name, "https")) return "";
  const std::string_view rest = target.substr(scheme + 3);
  const size_t end = std::min(rest.find_first_of("/?"), rest.size());
  host = rest.substr(0, end);
  const std::string path(rest.substr(end));
  return path.starts_with('/') ? path : "/" + path;
}

}  // namespace

void check_header_bytes(char before, std::string_view piece) {
  for (const char c : piece) {
    if ((before == '\r') != (c == '\n')) refuse("CR and LF that do not follow each other");
    const auto byte = static_cast<unsigned char>(c);
    if ((byte < 0x20 && c != '\t' && c != '\r' && c != '\n') || byte == 0x7f)
      refuse("a control character in the header");
    before = c;
  }
}

void check_header_lines(std::string_view header) {
  bool first = true;
  while (header.size() > 2) {
    const std::string_view line = header.substr(0, header.find("\r\n"));
    header.remove_prefix(std::min(line.size() + 2, header.size()));
    if (line.empty()) refuse("an empty line in the header");
    first ? check_request_line(line) : check_field_line(line);
    first = false;
  }
}

std::string host_name(std::string_view host) {
  std::string_view name = host.substr(0, host.find(':'));
  const bool literal = host.starts_with('[');
  if (literal) name = host.substr(0, std::min(host.find(']'), host.size() - 1) + 1);
  const std::string_view port = host.substr(name.size());
  if (!port.empty() && port != ":" && (port.front() != ':' || !is_number(port.substr(1))))
    return "";
  const std::string_view inside = literal ? name.substr(1, name.size() - 2) : name;
  if (inside.empty() || (literal && !name.ends_with(']'))) return "";
  const std::string_view marks = literal ? ":.%-_~" : "-._~%!$&'()*+,;=";
  const bool good = std::all_of(inside.begin(), inside.end(), [&](char c) {
    return is_alphanumeric(c) || marks.find(c) != std::string_view::npos;
  });
  std::string lower(good ? name : "");
  for (char& c : lower)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return lower;
}

void check_framing(HttpRequest& request, std::string& target, bool is_http_1_0) {
  check_length(request, is_http_1_0);
  const auto hosts = values_of(request, "Host");
  if (hosts.size() > 1) refuse("more than one Host");
  if (hosts.empty() && !is_http_1_0) refuse("no Host");
  if (!hosts.empty() && host_name(hosts.front()).empty()) refuse("the Host is no host");
  const std::string_view expected = request.header("Expect");
  if (!expected.empty() && !is_http_1_0 && !same_ignoring_case(expected, "100-continue"))
    throw Refusal(417, "Expect: 100-continue is all that can be expected here");
  if (target.starts_with('/')) return;
  if (target == "*" && request.method == "OPTIONS") return;
  std::string host;
  target = absolute_path(target, host);
  if (target.empty()) refuse("the target is no path");
  if (host_name(host).empty()) refuse("the target's host is no host");
  std::erase_if(request.headers,
                [](const auto& field) { return same_ignoring_case(field.first, "Host"); });
  request.headers.emplace_back("Host", host);
}

}  // namespace transept::serve
