// Arrays as NumPy writes them; the bytes are those of NumPy 1.24.
#include <zlib.h>

#include <array>
#include <cstring>

#include "io/import/import_fixture.hpp"

namespace kronwerk {
namespace {

using core::ErrorKind;
using test::expect_error;

std::string npy(const std::string& type, const std::string& shape, const std::string& data,
                bool fortran = false) {
  std::string header = "{'descr': '" + type +
                       "', 'fortran_order': " + (fortran ? "True" : "False") +
                       ", 'shape': " + shape + ", }";
  header.resize((10 + header.size()) / 64 * 64 + 64 - 11, ' ');
  header += '\n';
  const auto length = header.size();
  return std::string("\x93NUMPY\x01\x00", 8) + static_cast<char>(length & 255) +
         static_cast<char>(length >> 8) + header + data;
}

template <typename Number>
std::string bytes(const std::vector<Number>& numbers) {
  return {reinterpret_cast<const char*>(numbers.data()), numbers.size() * sizeof(Number)};
}

std::string little(std::uint64_t value, int width) {
  std::string text;
  for (int i = 0; i < width; ++i) text += static_cast<char>(value >> (8 * i) & 255);
  return text;
}

std::string deflated(const std::string& data) {
  z_stream stream{};
  deflateInit2(&stream, 6, Z_DEFLATED, -15, 8, Z_DEFAULT_STRATEGY);
  std::string out(deflateBound(&stream, data.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(data.data()));
  stream.avail_in = static_cast<uInt>(data.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  deflate(&stream, Z_FINISH);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

/// As savez (or savez_compressed), with the larger numbers that it writes in local headers.
std::string npz(const std::vector<std::pair<std::string, std::string>>& members, bool packed) {
  std::string file, directory;
  for (const auto& [name, data] : members) {
    const std::string stored = packed ? deflated(data) : data;
    const auto sum =
        crc32(0, reinterpret_cast<const Bytef*>(data.data()), static_cast<uInt>(data.size()));
    const std::string common =
        little(0, 2) + little(packed ? 8 : 0, 2) + little(0, 4) + little(sum, 4);
    const std::string full = name + ".npy";
    const auto offset = file.size();
    file += "PK\x03\x04" + little(45, 2) + common + little(0xFFFFFFFF, 4) + little(0xFFFFFFFF, 4) +
            little(full.size(), 2) + little(20, 2) + full + little(1, 2) + little(16, 2) +
            little(data.size(), 8) + little(stored.size(), 8) + stored;
    directory += "PK\x01\x02" + little(45, 2) + little(45, 2) + common + little(stored.size(), 4) +
                 little(data.size(), 4) + little(full.size(), 2) + little(0, 2) + little(0, 2) +
                 little(0, 2) + little(0, 2) + little(0, 4) + little(offset, 4) + full;
  }
  const auto at = file.size();
  return file + directory + "PK\x05\x06" + little(0, 4) + little(members.size(), 2) +
         little(members.size(), 2) + little(directory.size(), 4) + little(at, 4) + little(0, 2);
}

TEST_F(Import, ArraysOfNumpyKeepShapesAndOrders) {
  serially([&] {
    auto options = options_of<io::NpyOptions>(
        npy("<f8", "(2, 3)", bytes(std::vector<double>{1, 2, 3, 4, 5, 6})));
    EXPECT_EQ(io::import_npy(options).shape, (core::Extents{2, 3}));
    options = options_of<io::NpyOptions>(
        npy("<i4", "(2, 1, 3)", bytes(std::vector<std::int32_t>{1, 4, -2, 5, 3, 6}), true));
    options.target = to("/fortran");
    EXPECT_EQ(io::import_npy(options).shape, (core::Extents{2, 1, 3}));
    options =
        options_of<io::NpyOptions>(npy(">u2", "(3,)", std::string("\x01\x02\x00\x07\xff\xff", 6)));
    options.target = to("/big");
    io::import_npy(options);
    options = options_of<io::NpyOptions>(npy("|b1", "(2, 2)", std::string("\0\1\1\0", 4)));
    options.target = to("/mask");
    io::import_npy(options);
  });
  EXPECT_EQ(values("x"), (Dense{1, 2, 3, 4, 5, 6}));
  EXPECT_EQ(values("fortran"), (Dense{1, -2, 3, 4, 5, 6}));
  EXPECT_EQ(values("big"), (Dense{258, 7, 65535}));
  EXPECT_EQ(values("mask"), (Dense{0, 1, 1, 0}));
}

TEST_F(Import, ArchivesOfNumpyBecomeGroups) {
  const std::string ids = bytes(std::vector<std::uint32_t>{'a', 0xDC, 'b', 0});
  for (const bool packed : {false, true}) {
    serially([&] {
      auto options = options_of<io::NpyOptions>(
          npz({{"y", npy("<f4", "(2,)", bytes(std::vector<float>{1.5F, -2}))},
               {"ids", npy("<U2", "(2,)", ids)}},
              packed));
      EXPECT_EQ(io::import_npy(options).datasets, (Strings{"/x/ids", "/x/y"}));
      options.arrays = {"y"};
      options.target = to("/y", true);
      EXPECT_EQ(io::import_npy(options).datasets, (Strings{"/y"}));
      options.arrays = {"z"};
      expect_error(ErrorKind::configuration,
                   "has no array 'z' (did you mean 'y'?); it holds ids, y",
                   [&] { io::import_npy(options); });
    });
    EXPECT_EQ(values("x/y"), (Dense{1.5, -2}));
    EXPECT_EQ(values("y"), (Dense{1.5, -2}));
    EXPECT_EQ(strings("x/ids"), (Strings{"aÜ", "b"}));
  }
}

TEST_F(Import, SparseMatricesOfScipyBecomeSparseMatrices) {
  const auto list = [](const std::vector<std::int32_t>& numbers) {
    return npy("<i4", "(" + std::to_string(numbers.size()) + ",)", bytes(numbers));
  };
  const auto save = [&](const std::string& format, const std::string& first,
                        const std::vector<std::int32_t>& firsts, const std::string& second,
                        const std::vector<std::int32_t>& seconds, const std::vector<double>& data) {
    return npz({{first, list(firsts)},
                {second, list(seconds)},
                {"format", npy("|S3", "()", format)},
                {"shape", npy("<i8", "(2,)", bytes(std::vector<std::int64_t>{2, 3}))},
                {"data", npy("<f8", "(" + std::to_string(data.size()) + ",)", bytes(data))}},
               true);
  };
  serially([&] {
    const auto import = [&](const std::string& file, const std::string& path) {
      auto options = options_of<io::NpyOptions>(file);
      options.target = to(path, true);
      return io::import_npy(options);
    };
    EXPECT_TRUE(
        import(save("csr", "indptr", {0, 1, 3}, "indices", {1, 2, 0}, {1, 3, 2}), "/r").sparse);
    import(save("csc", "indptr", {0, 1, 2, 3}, "indices", {1, 0, 1}, {2, 1, 3}), "/c");
    import(save("coo", "row", {1, 0, 1, 1}, "col", {2, 1, 0, 2}, {1, 1, 2, 2}), "/o");
    expect_error(ErrorKind::data, "is 2 at (1, 3); expected finite numbers within 2 x 3", [&] {
      import(save("coo", "row", {0, 1}, "col", {0, 3}, {1, 2}), "/bad");
    });
    expect_error(ErrorKind::data, "5 at position 1 is no beginning of a row", [&] {
      import(save("csr", "indptr", {0, 5, 3}, "indices", {1, 2, 0}, {1, 3, 2}), "/bad");
    });
    expect_error(ErrorKind::data, "of the format 'dia'",
                 [&] { import(save("dia", "indptr", {0}, "offsets", {0}, {1}), "/bad"); });
  });
  for (const std::string path : {"r", "c", "o"}) {
    EXPECT_EQ(dense_of_sparse(path), (Dense{0, 1, 0, 2, 0, 3})) << path;
  }
}

TEST_F(Import, ArraysThatAreBrokenOrNoNumbersAreRefused) {
  serially([&] {
    const auto refuse = [&](const std::string& file, const std::string& part) {
      auto options = options_of<io::NpyOptions>(file);
      expect_error(ErrorKind::data, part, [&] { io::import_npy(options); });
    };
    const auto one = npy("<f8", "(1,)", std::string(8, '\0'));
    refuse("x,y\n", "is no array of NumPy's");
    refuse(npy("<f8", "(2,)", std::string(15, '\0')), "has 15 bytes of data; shape (2) needs 16");
    refuse(npy("<c16", "(1,)", std::string(16, '\0')), "its elements are '<c16'");
    refuse(npy("|O", "(1,)", std::string(16, '\0')), "elements are");
    refuse(npy("<f8", "(2, -1)", std::string(16, '\0')), "cannot be read");
    refuse(one.substr(0, 40), "ends within its header");
    std::string archive = npz({{"a", one}}, true);
    refuse(archive.substr(0, archive.size() - 30), "the archive is cut off or damaged");
    archive[archive.size() - 20] ^= 1;
    refuse(archive, "the archive");
    std::string damaged = npz({{"a", one}}, false);
    damaged[damaged.find("NUMPY")] = 'M';
    refuse(damaged, "a checksum is wrong");
  });
}

}  // namespace
}  // namespace kronwerk
