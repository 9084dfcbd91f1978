// The format: PKWARE's APPNOTE.TXT, sections 4.3 to 4.5.
#include "io/arrays/npz.hpp"

#include <fmt/format.h>
#include <zlib.h>

#include <cstdint>
#include <limits>

#include "io/text/unpack.hpp"
#include "kronwerk/core/error.hpp"

namespace kronwerk::io {
namespace {

constexpr std::uint64_t in_extra_16 = 0xFFFF;
constexpr std::uint64_t in_extra_32 = 0xFFFFFFFF;

/// Numbers of a zip file, little-endian, all checked to be within it.
class ZipReader {
 public:
  ZipReader(std::string_view bytes, const std::string& file) : bytes_(bytes), file_(file) {}

  std::uint64_t number(std::uint64_t at, int width) const {
    std::uint64_t value = 0;
    const auto part = piece(at, static_cast<std::uint64_t>(width));
    for (int i = width; i-- > 0;) {
      value = value << 8 | static_cast<unsigned char>(part[static_cast<std::size_t>(i)]);
    }
    return value;
  }
  std::string_view piece(std::uint64_t at, std::uint64_t size) const {
    if (at > bytes_.size() || size > bytes_.size() - at) fail("is cut off or damaged");
    return bytes_.substr(at, size);
  }
  [[noreturn]] void fail(const std::string& what) const {
    throw core::DataError(fmt::format("{}: the archive {}", file_, what));
  }
  const std::string& file() const { return file_; }
  std::string_view bytes() const { return bytes_; }

 private:
  std::string_view bytes_;
  const std::string& file_;
};

struct Member {
  std::uint64_t method = 0, checksum = 0, packed = 0, size = 0, header = 0;
};

// The field of larger numbers has those that do not fit, in this order.
void read_large_numbers(const ZipReader& zip, std::uint64_t begin, std::uint64_t end,
                        Member& member) {
  for (std::uint64_t at = begin; at + 4 <= end; at += 4 + zip.number(at + 2, 2)) {
    if (zip.number(at, 2) != 1) continue;
    std::uint64_t next = at + 4;
    for (std::uint64_t* value : {&member.size, &member.packed, &member.header}) {
      if (*value != in_extra_32) continue;
      *value = zip.number(next, 8);
      next += 8;
    }
    return;
  }
}

std::string unpack_member(const ZipReader& zip, const Member& member) {
  if (zip.number(member.header, 4) != 0x04034b50) zip.fail("is damaged");
  const auto begin =
      member.header + 30 + zip.number(member.header + 26, 2) + zip.number(member.header + 28, 2);
  const auto packed = zip.piece(begin, member.packed);
  if (member.method != 0 && member.method != 8) {
    zip.fail("is packed in a way that NumPy does not use; write it by numpy.savez");
  }
  std::string bytes =
      member.method == 0 ? std::string(packed) : unpack_deflated(packed, member.size, zip.file());
  const auto sum = crc32_z(0, reinterpret_cast<const Bytef*>(bytes.data()), bytes.size());
  if (sum != member.checksum) zip.fail("is damaged (a checksum is wrong)");
  return bytes;
}

}  // namespace

bool is_zip(std::string_view bytes) {
  return bytes.starts_with("PK\x03\x04");
}

std::map<std::string, std::string> unpack_zip(std::string_view bytes, const std::string& file) {
  const ZipReader zip(bytes, file);
  const auto end = bytes.rfind(std::string_view("PK\x05\x06", 4));
  if (end == std::string_view::npos) zip.fail("is cut off or damaged");
  std::uint64_t count = zip.number(end + 10, 2);
  std::uint64_t at = zip.number(end + 16, 4);
  if ((count == in_extra_16 || at == in_extra_32) && end >= 20) {
    const auto larger = zip.number(end - 20 + 8, 8);
    count = zip.number(larger + 32, 8);
    at = zip.number(larger + 48, 8);
  }
  std::map<std::string, std::string> members;
  for (; count > 0; --count) {
    if (zip.number(at, 4) != 0x02014b50) zip.fail("is damaged");
    Member member{zip.number(at + 10, 2), zip.number(at + 16, 4), zip.number(at + 20, 4),
                  zip.number(at + 24, 4), zip.number(at + 42, 4)};
    const auto name_length = zip.number(at + 28, 2);
    const auto extra = at + 46 + name_length;
    const auto extra_end = extra + zip.number(at + 30, 2);
    read_large_numbers(zip, extra, extra_end, member);
    std::string name(zip.piece(at + 46, name_length));
    if (name.ends_with(".npy")) name.resize(name.size() - 4);
    members[name] = unpack_member(zip, member);
    at = extra_end + zip.number(at + 32, 2);
  }
  return members;
}

}  // namespace kronwerk::io
