#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "kronwerk/io/files/location.hpp"

namespace kronwerk::io {

/// Importers turn text files into the datasets of design section 7. They are serial: call them on
/// one rank (communication::on_root). The target file is written under a temporary name and
/// renamed, so it is either whole or as it was; other datasets of an existing file are kept.
///
/// All throw DataError for malformed input, as `file:line: what was wrong`; ConfigurationError for
/// wrong options, a target that exists without `overwrite` or whose file is one of those read;
/// ResourceError for a full disk. Several may write into one file at the same time: they take
/// turns.
///
/// Ids are stored beside the data as fixed-length UTF-8 strings: for the target /W of a square
/// matrix as /W_ids, for a table /X as /X_row_ids and /X_column_ids.

/// What is done to each value on the way in.
enum class Transform { none, log, log1p, sqrt, square, exp };

/// @throws ConfigurationError, with the nearest name, if `name` is none of the above
Transform parse_transform(std::string_view name);

/// Where the data go.
struct ImportTarget {
  Location location;       ///< FILE.h5 and the path in it
  bool overwrite = false;  ///< replace a dataset or group of the same name
  /// Asked while another import into the same file is waited for; null: nothing ends that.
  bool (*stop)() = nullptr;
};

/// What is done to a weight matrix, in this order.
struct WeightOptions {
  bool symmetrise = false;     ///< W := (W + Wᵀ)/2 on the union of both patterns
  bool row_normalise = false;  ///< each row divided by its sum; rows of zeros (islands) stay
};

/// Whether the first line of a CSV or a list names its columns.
enum class Header {
  guessed,  ///< it does, or the file is refused where it may not
  present,
  absent,  ///< the columns of a CSV are called 1, 2, …
};

/// How the fields and numbers of a CSV are written.
struct TextFormat {
  /// 0: a comma; a tab, semicolon or bar if the first line has these and no comma
  char separator = 0;
  bool decimal_comma = false;                ///< 3,14
  std::vector<std::string> missing_codes{};  ///< texts of cells that are missing, such as -999
};

/// Cells of a table that are empty, NA, NaN or a code for that.
enum class MissingCells { refused, nan };

/// @throws ConfigurationError if it is neither of these words
MissingCells parse_missing_cells(std::string_view name);

/// A file that lists ids, one a line, a CSV, or FILE.h5:/path of a list of strings; it fixes the
/// order of rows or columns.
struct OrderFile {
  std::string file;    ///< empty: the order of the data
  std::string column;  ///< of a CSV; empty: the first
  /// A CSV is expected to have one and a list none; what looks otherwise is refused.
  Header header = Header::guessed;
};

/// What was imported, for the command line to print.
struct ImportSummary {
  Location location;
  bool sparse = false;
  core::Extents shape;                ///< of a dataset; (rows, cols) of a matrix
  core::Index stored = 0;             ///< stored entries of a sparse matrix, else nonzeros
  std::vector<std::string> datasets;  ///< every dataset or group written, ids included
  /// Of square sparse matrices:
  std::optional<bool> symmetric;
  std::optional<core::Index> asymmetric_links;  ///< (i, j) stored without (j, i)
  std::optional<core::Index> islands;           ///< rows without an entry
  std::optional<core::Index> components;        ///< of the undirected graph, islands included
  std::vector<std::string> notes;               ///< sentences a user should read
};

/// A few lines for people: shape, entries, symmetry, islands, components, notes.
std::string to_text(const ImportSummary& summary);

/// CSV `origin,destination,value` → dense (n, n), origin by destination, missing pairs 0 (before
/// the transform: log1p keeps them 0) or `fill`; or, with `sparse`, a weight matrix. With
/// `value_columns` each of these is a dataset <path>/<column>. What may be something else is
/// refused: a pair that is given twice unless `sum`, further columns unless the ones of the values
/// are named, origins of which none is a destination unless `order` lists all ids.
struct EdgesOptions {
  std::string file;
  ImportTarget target;
  Header header = Header::guessed;
  TextFormat format;
  std::string origin_column;               ///< empty: the first column
  std::string destination_column;          ///< empty: the second
  std::string value_column;                ///< empty: the third of three
  std::vector<std::string> value_columns;  ///< instead of that one
  std::optional<double> fill;              ///< of pairs without a row, as it is written; may be NaN
  MissingCells missing = MissingCells::refused;  ///< of pairs with a row; NaN not with `sparse`
  bool sum = false;  ///< the values of a pair that is given several times
  OrderFile order;   ///< the ids and their order; empty: sorted
  Transform transform = Transform::none;
  bool sparse = false;    ///< a CSR matrix; then self-links are refused and `weights` applies
  WeightOptions weights;  ///< legal with `sparse` only
};
ImportSummary import_edges(const EdgesOptions& options);

/// CSV; a column whose values are numbers is numeric, any other is text. A code with a leading zero
/// ("01001") is text. What looks like rows of a station, a date and a value is refused unless its
/// `columns` or ids are named.
///
/// With `row_ids` and `column_ids`, each row of the file is a cell of a grid, its row and column
/// named by these two columns and its value in another: one dataset of rows × columns, or, of
/// several `values`, <path>/<value> for each. Ids ascend, as numbers if all are integers. Cells
/// that the file does not list are refused unless `fill` says what they have; a cell that is listed
/// twice unless `sum`. The transform is of the sum.
///
/// Without these, to one 2-D dataset (rows × columns), or, when exactly one column is named, a
/// vector (rows); with `separate` each numeric column to <path>/<column>. The id column goes to
/// <path>_row_ids, the names of the columns to <path>_column_ids, other text columns to
/// <path>_<column>.
///
/// With `remove_seasonal_mean` the rows are days, their ids dates (1961-01-31): the mean over all
/// columns (after the transform), regressed on a constant and annual harmonics (Haslett and Raftery
/// 1989), is taken from every value of its row and kept in <path>_seasonal_mean (rows), so that it
/// can be added back.
struct TableOptions {
  std::string file;
  ImportTarget target;
  Header header = Header::guessed;
  TextFormat format;
  std::vector<std::string> columns;  ///< in this order; empty: every numeric column
  std::string id_column;             ///< empty: the first text column; "none": no ids
  OrderFile order;                   ///< its ids are the rows' ids or the columns' names
  Transform transform = Transform::none;
  MissingCells missing = MissingCells::refused;
  std::string row_ids;              ///< of a row for each cell: the column of the rows' ids
  std::string column_ids;           ///< and that of the columns' ids
  std::vector<std::string> values;  ///< and those of the values; empty: the only other one
  std::optional<double> fill;       ///< of cells without a row; may be NaN
  bool sum = false;                 ///< the values of a cell with several rows
  bool transpose = false;           ///< (columns × rows)
  bool separate = false;            ///< one vector per column
  bool remove_seasonal_mean = false;
  core::Index harmonics = 2;  ///< of the seasonal mean: waves of a year, half a year, …
  /// Also write the rows' ids, or else the columns', which are dates, as days since the first here.
  std::string time_path;
};
ImportSummary import_table(const TableOptions& options);

enum class Metric {
  great_circle,  ///< longitude and latitude in degrees on a sphere, haversine formula
  planar,        ///< Euclidean x and y
};

/// Table CSV of points → CSR matrix of the k nearest neighbours, each with weight 1. Of equal
/// distances (squares that agree to 1e-10 relative) the lower index wins.
struct KnnOptions {
  std::string file;
  ImportTarget target;
  Header header = Header::guessed;
  TextFormat format;
  core::Index k = 6;
  Metric metric = Metric::great_circle;
  std::string x_column;   ///< empty: "longitude", or "x" if planar
  std::string y_column;   ///< empty: "latitude", or "y" if planar
  std::string id_column;  ///< empty: the first column that is no coordinate; "none": no ids
  OrderFile order;        ///< ids in the order of the matrix rows
  WeightOptions weights;
};
ImportSummary import_knn(const KnnOptions& options);

/// Table CSV of points → how many are in each cell of a grid, one mode for each of `columns`, cells
/// [lower + i size, lower + (i + 1) size), the upper end of the last one included. The middles of
/// the cells are stored beside it as /x_<column>.
struct PointsOptions {
  std::string file;
  ImportTarget target;
  Header header = Header::guessed;
  TextFormat format;
  std::vector<std::string> columns{"latitude", "longitude"};
  std::vector<double> cell;  ///< sizes, one for all columns or one each
  /// Ends of the grid, one for each column; empty: the multiples of the sizes around the points.
  std::vector<double> lower;
  std::vector<double> upper;
  bool drop_outside = false;  ///< points outside the grid are left out; else they are refused
  /// Also the areas of the cells in km² as /x_area, for columns of latitude and longitude in
  /// degrees on a sphere: what an exposure is made of.
  bool area = false;
};
ImportSummary import_points(const PointsOptions& options);

/// GAL contiguity file (header `0 n NAME IDVAR` or `n`) → CSR matrix with weight 1. Ids are
/// strings, leading zeros kept. Asymmetric lists are legal and reported.
struct GalOptions {
  std::string file;
  ImportTarget target;
  OrderFile order;
  WeightOptions weights;
};
ImportSummary import_gal(const GalOptions& options);

/// Matrix Market: `coordinate` → CSR matrix, `array` → dense 2-D dataset; real, integer or pattern;
/// general, symmetric or skew-symmetric. `weights` needs a square coordinate matrix.
struct MatrixMarketOptions {
  std::string file;
  ImportTarget target;
  WeightOptions weights;
};
ImportSummary import_matrix_market(const MatrixMarketOptions& options);

/// NumPy's .npy file of one array, or .npz archive of several: numbers and truth values of any
/// shape and order as datasets, lists of texts as ids; one array as the target, of several each as
/// <path>/<name>. scipy.sparse's archive of a csr, csc or coo matrix becomes a CSR matrix.
struct NpyOptions {
  std::string file;
  ImportTarget target;
  std::vector<std::string> arrays;  ///< of an archive; empty: all
};
ImportSummary import_npy(const NpyOptions& options);

/// A dataset or sparse matrix of an HDF5 file that has ids beside it → the same in the order of
/// other ids, in every dimension whose ids are those; the target may be in the same file. Dense
/// data pass through slice by slice of their first dimension.
struct ReorderOptions {
  Location data;
  ImportTarget target;
  OrderFile order;
};
ImportSummary import_reorder(const ReorderOptions& options);

}  // namespace kronwerk::io
