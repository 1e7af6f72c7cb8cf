//! What files may hold, and what is refused: one small model, altered.

use super::*;

/// Three features, two trees: one compares, the other looks at categories and has two deleted nodes.
const MODEL: &str = r#"{
  "version": [2, 1, 4],
  "learner": {
    "attributes": {},
    "feature_names": [], "feature_types": [],
    "learner_model_param": {"base_score": "5E-1", "num_class": "0", "num_feature": "3", "num_target": "1"},
    "objective": {"name": "reg:squarederror"},
    "gradient_booster": {"name": "gbtree", "model": {
      "gbtree_model_param": {"num_trees": "2", "num_parallel_tree": "1"},
      "iteration_indptr": [0, 1, 2], "tree_info": [0, 0],
      "trees": [
        {"id": 0, "tree_param": {"num_nodes": "3", "size_leaf_vector": "1"},
         "left_children": [1, -1, -1], "right_children": [2, -1, -1], "split_indices": [0, 0, 0],
         "split_conditions": [1.5E0, -1E0, 2E0], "default_left": [1, 0, 0], "sum_hessian": [3E0, 1E0, 2E0]},
        {"id": 1, "tree_param": {"num_nodes": "5", "size_leaf_vector": "1"},
         "left_children": [3, -1, -1, -1, -1], "right_children": [4, -1, -1, -1, -1],
         "split_indices": [2, 2147483647, 2147483647, 0, 0],
         "split_conditions": [NaN, NaN, 0E0, 1E1, 2E1], "default_left": [true, false, false, false, false],
         "split_type": [1, 0, 0, 0, 0], "categories_nodes": [0], "categories_segments": [0],
         "categories_sizes": [2], "categories": [4, 2]}
      ]
    }}
  }
}"#;

fn read(text: &str) -> Result<XgboostModel> {
    XgboostModel::read(text.as_bytes(), &XgboostOptions::default())
}

fn altered(from: &str, to: &str) -> String {
    assert!(MODEL.contains(from), "{from}");
    MODEL.replacen(from, to, 1)
}

fn scores(model: &XgboostModel, row: [f64; 3]) -> f64 {
    model.ensemble.raw_scores(&row).expect("a score")[0]
}

#[test]
fn trees_compare_and_look_up_categories() {
    let model = read(MODEL).expect("a model");
    let nan = f64::NAN;
    assert_eq!(model.ensemble.trees[1].left, [2, -1, -1], "deleted nodes are dropped, a set goes left");
    assert_eq!(scores(&model, [1.0, 0.0, 0.0]), 0.5 - 1.0 + 10.0);
    assert_eq!(scores(&model, [1.5, 0.0, 4.5]), 0.5 + 2.0 + 20.0);
    assert_eq!(scores(&model, [nan, 0.0, nan]), 0.5 - 1.0 + 10.0);
    assert_eq!(scores(&model, [f64::from(1.5_f32.next_down()), 0.0, -2.0]), 0.5 - 1.0 + 10.0);
    assert_eq!(model.ensemble.sets, [[2, 4]]);
    assert_eq!(model.ensemble.trees[0].cover.as_deref(), Some(&[3.0, 1.0, 2.0][..]));
    assert_eq!(model.ensemble.trees[1].cover, None);
}

#[test]
fn trees_are_in_the_order_of_their_ids() {
    let model = read(&altered("\"id\": 0", "\"id\": 2").replacen("\"id\": 1", "\"id\": 0", 1).replacen(
        "\"id\": 2",
        "\"id\": 1",
        1,
    ));
    assert_eq!(model.expect("a model").ensemble.trees[0].left, [2, -1, -1]);
}

#[test]
fn a_file_that_a_wrapper_saved_predicts_up_to_its_best_iteration() {
    let attributes = r#""attributes": {"best_iteration": "0", "scikit_learn": "{}"}"#;
    let model = read(&altered(r#""attributes": {}"#, attributes)).expect("a model");
    assert_eq!(
        (model.interface, model.iterations, model.ensemble.trees.len()),
        (Interface::Wrapper, 0..1, 1)
    );
    let model = read(&altered(r#""attributes": {}"#, r#""attributes": {"best_iteration": "0"}"#));
    let model = model.expect("a model");
    assert_eq!(
        (model.interface, model.iterations, model.best_iteration),
        (Interface::Booster, 0..2, Some(0))
    );
}

#[test]
fn a_wrapper_says_what_is_missing() {
    let numeric = altered(r#""split_type": [1"#, r#""split_type": [0"#).replacen("[NaN, NaN", "[1E0, NaN", 1);
    let numeric = numeric.replacen(r#""default_left": [1"#, r#""default_left": [0"#, 1);
    let saved = |wrapper: &str| {
        let attributes = serde_json::json!({ "scikit_learn": wrapper });
        numeric.replacen(r#""attributes": {}"#, &format!(r#""attributes": {attributes}"#), 1)
    };
    let model = read(&saved(r#"{"missing": 1.0, "classes_": ["a"]}"#)).expect("a model");
    assert_eq!(scores(&model, [1.0, 0.0, 0.0]), scores(&model, [f64::NAN, 0.0, 0.0]));
    for unsaid in ["{}", r#"{"missing": NaN}"#, r#"{"missing": null}"#] {
        let model = read(&saved(unsaid)).expect("a model");
        assert_ne!(scores(&model, [1.0, 0.0, 0.0]), scores(&model, [f64::NAN, 0.0, 0.0]), "{unsaid}");
    }
    for wrong in ["", r#"{"missing": "1"}"#, "[]"] {
        let error = read(&saved(wrong)).expect_err("no number");
        assert!(error.to_string().starts_with("the XGBoost model: attributes: scikit_learn"), "{error}");
        let options = XgboostOptions { missing: Some(0.5), ..XgboostOptions::default() };
        XgboostModel::read(saved(wrong).as_bytes(), &options).expect("what is missing is said");
    }
}

#[test]
fn a_number_of_features_that_the_file_only_claims_is_refused() {
    let claimed = |n: &str| read(&altered("\"num_feature\": \"3\"", &format!("\"num_feature\": \"{n}\"")));
    assert_eq!(claimed("1048576").expect("a model").ensemble.n_features, 1 << 20);
    let error = claimed("4000000000").expect_err("too many");
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert!(error.to_string().contains("num_feature: 4000000000"), "{error}");
}

#[test]
fn base_scores_become_margins() {
    let start = |objective: &str, score: &str| {
        let text = altered("reg:squarederror", objective).replacen("\"5E-1\"", &format!("\"{score}\""), 1);
        read(&text).map(|model| model.ensemble.start)
    };
    assert_eq!(start("reg:squarederror", "[2.5E-1]").expect("a margin"), [0.25]);
    let logit = -(1.0_f32 / 0.3 - 1.0).ln();
    assert_eq!(start("binary:logistic", "3E-1").expect("a margin"), [f64::from(logit)]);
    assert_eq!(start("binary:logitraw", "3E-1").expect("a margin"), [f64::from(0.3_f32)]);
    assert_eq!(start("reg:gamma", "3E-1").expect("a margin"), [f64::from(0.3_f32.ln())]);
    for (objective, score) in [("binary:logistic", "1E0"), ("count:poisson", "0E0"), ("reg:linear", "NaN")] {
        let error = start(objective, score).expect_err("no margin");
        assert_eq!(error.kind(), ErrorKind::InvalidArgument, "{error}");
    }
    let certain = altered("reg:squarederror", "binary:logistic").replacen("5E-1", "1E0", 1);
    let certain = certain.replacen("[2, 1, 4]", "[3, 2, 0]", 1);
    assert!(read(&certain).expect("bounded from 3.2 on").ensemble.start[0] > 13.0);
}

#[test]
fn options_are_honoured() {
    let options = XgboostOptions { missing: Some(1.0), iterations: Some(0..1), ..XgboostOptions::default() };
    let error = XgboostModel::read(MODEL.as_bytes(), &options).expect_err("categorical");
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    let numeric = altered(r#""split_type": [1"#, r#""split_type": [0"#).replacen("[NaN, NaN", "[1E0, NaN", 1);
    let model = XgboostModel::read(numeric.as_bytes(), &options).expect("a model");
    assert_eq!(scores(&model, [1.0, 0.0, 0.0]), scores(&model, [f64::NAN, 0.0, 0.0]));
    let options = XgboostOptions { base_margin: Some(vec![7.0]), ..XgboostOptions::default() };
    assert_eq!(XgboostModel::read(MODEL.as_bytes(), &options).expect("a model").ensemble.start, [7.0]);
    for options in [
        XgboostOptions { base_margin: Some(vec![7.0, 1.0]), ..XgboostOptions::default() },
        XgboostOptions { iterations: Some(1..3), ..XgboostOptions::default() },
        XgboostOptions { iterations: Some(1..1), ..XgboostOptions::default() },
    ] {
        let error = XgboostModel::read(MODEL.as_bytes(), &options).expect_err("an option that does not fit");
        assert_eq!(error.kind(), ErrorKind::InvalidArgument, "{error}");
    }
}

#[test]
fn leaves_are_weighted_wherever_the_weights_stand() {
    let weights = r#""weight_drop": [5E-1, 2E0], "#;
    let beside = altered(r#""gbtree", "model""#, &format!(r#""gbtree", {weights}"model""#));
    let inside = altered("\"gbtree_model_param\"", &format!("{weights}\"gbtree_model_param\""));
    let (head, rest) = MODEL.split_once(r#""gbtree", "model": {"#).expect("a booster");
    let (model, tail) = rest.rsplit_once("}}\n  }").expect("an end");
    let dart =
        format!(r#"{head}"dart", {weights}"gbtree": {{"name": "gbtree", "model": {{{model}}}}}}}}}{tail}"#);
    for text in [beside, inside, dart] {
        let model = read(&text).unwrap_or_else(|error| panic!("{error}: {text}"));
        assert_eq!(model.booster, BoosterKind::Dart);
        assert_eq!(scores(&model, [1.0, 0.0, 0.0]), 0.5 - 0.5 + 20.0);
        let error = read(&text.replacen("[5E-1, 2E0]", "[5E-1]", 1)).expect_err("a weight is missing");
        assert_eq!(error.kind(), ErrorKind::Corrupt, "{error}");
    }
}

#[test]
fn categories_are_exposed() {
    let cats = r#""cats": {"enc": [{"offsets": [], "values": []},
        {"offsets": [0, 1, 3, 6], "values": [120, 121, 121, 122, -61, -87]},
        {"type": 15, "values": [10, 20]}], "feature_segments": [0, 0, 3, 5], "sorted_idx": []},
        "gbtree_model_param""#;
    let model = read(&altered("\"gbtree_model_param\"", cats)).expect("a model");
    let texts = ["x", "yy", "z\u{e9}"].map(str::to_owned).to_vec();
    let integers = Categories::Integers(vec![10, 20]);
    assert_eq!(model.categories, [None, Some(Categories::Texts(texts)), Some(integers)]);
    for (from, to) in [("[0, 1, 3, 6]", "[0, 6, 0, 6]"), ("[0, 1, 3, 6]", "[0, 1, 3, 7]"), ("-87]", "1]")] {
        let text = altered("\"gbtree_model_param\"", &cats.replacen(from, to, 1));
        assert_eq!(read(&text).expect_err("no texts").kind(), ErrorKind::Corrupt);
    }
}

#[test]
fn leaves_may_have_a_value_per_output() {
    let text = altered(r#""num_target": "1""#, r#""num_target": "2""#)
        .replace(r#""size_leaf_vector": "1""#, r#""size_leaf_vector": "2""#)
        .replacen("\"split_indices\"", "\"base_weights\": [0, 0, 1, 2, 3, 4], \"split_indices\"", 1)
        .replacen(
            "\"right_children\": [4, -1, -1, -1, -1],",
            "\"right_children\": [4, -1, -1, 1, 0], \"leaf_weights\": [5, 6, 7, 8],",
            1,
        );
    let model = read(&text).expect("a model");
    let scores = model.ensemble.raw_scores(&[1.0, 0.0, 2.0]).expect("scores");
    assert_eq!(scores, [0.5 + 1.0 + 5.0, 0.5 + 2.0 + 6.0]);
    for (from, to) in [("[0, 0, 1, 2, 3, 4]", "[0, 0, 1, 2, 3]"), ("[4, -1, -1, 1, 0]", "[4, -1, -1, 1, 2]")]
    {
        assert_eq!(read(&text.replacen(from, to, 1)).expect_err(to).kind(), ErrorKind::Corrupt);
    }
}

#[test]
fn what_is_not_a_model_is_refused() {
    let cases: &[(&str, &str, &str)] = &[
        ("[1, -1, -1]", "[3, -1, -1]", "tree 0: node 0 has children 3 and 2 of 3 nodes"),
        ("[1, -1, -1]", "[-2, -1, -1]", "tree 0: node 0 has children -2 and 2 of 3 nodes"),
        (
            "\"left_children\": [1, -1, -1], \"right_children\": [2, -1, -1]",
            "\"left_children\": [1, 0, -1], \"right_children\": [2, 1, -1]",
            "tree 0: node 0 is reached on two ways",
        ),
        (
            "\"split_indices\": [0, 0, 0]",
            "\"split_indices\": [3, 0, 0]",
            "tree 0: node 0 looks at feature 3 of 3",
        ),
        (
            "\"split_indices\": [0, 0, 0]",
            "\"split_indices\": [-1, 0, 0]",
            "tree 0: node 0 looks at feature -1 of 3",
        ),
        (
            "\"split_indices\": [0, 0, 0]",
            "\"split_indices\": [0, 0]",
            "split_indices of 2 nodes, and num_nodes is 3",
        ),
        ("[1.5E0", "[NaN", "tree 0: node 0 has no threshold (NaN)"),
        ("[1.5E0", "[x", "expected a value"),
        ("[1.5E0", "[1.5.0E0", "split_conditions: element 0: found \"1.5.0E0\""),
        ("\"categories\": [4, 2]", "\"categories\": [4, -2]", "tree 1: node 0: category -2"),
        ("\"categories\": [4, 2]", "\"categories\": [4, 16777216]", "tree 1: node 0: category 16777216"),
        (
            "\"categories\": [4, 2]",
            "\"categories\": [4]",
            "tree 1: sets of more categories than the tree has",
        ),
        (
            "\"categories_nodes\": [0]",
            "\"categories_nodes\": [1]",
            "tree 1: node 0: categorical, without categories",
        ),
        ("\"categories_nodes\": [0]", "\"categories_nodes\": [0, 1]", "do not belong together"),
        ("\"num_trees\": \"2\"", "\"num_trees\": \"10000000\"", "10000000 trees by num_trees, 2 by trees"),
        ("\"tree_info\": [0, 0]", "\"tree_info\": [0]", "1 by tree_info"),
        ("\"tree_info\": [0, 0]", "\"tree_info\": [0, 1]", "tree 1: output 1 of 1"),
        ("\"id\": 1", "\"id\": 0", "the id 0 is no other tree's place"),
        ("\"id\": 1", "\"id\": 9", "the id 9 is no other tree's place"),
        ("[0, 1, 2]", "[0, 1, 3]", "do not lead from tree 0 to tree 2"),
        ("[0, 1, 2]", "[0, -1, 2]", "do not lead from tree 0 to tree 2"),
        ("\"num_class\": \"0\"", "\"num_class\": \"1000000000\"", "of 1000000000, in a model of 2 trees"),
        ("\"feature_names\": []", "\"feature_names\": [\"a\"]", "feature_names: 1 of them"),
        ("\"id\": 1", "\"id\": 1, \"id\": 1", "\"id\" is there twice"),
        ("\"version\": [2, 1, 4]", "\"version\": [2, 1]", "version: found something else"),
        (
            "\"tree_info\": [0, 0]",
            "\"tree_info\": 0",
            "tree_info: found a number, expected an array of integers",
        ),
    ];
    for (from, to, expected) in cases {
        let error = read(&altered(from, to)).expect_err(to);
        let message = error.to_string();
        assert_eq!(error.kind(), ErrorKind::Corrupt, "{message}");
        assert!(message.contains(expected), "{message:?} lacks {expected:?}");
    }
}

#[test]
fn models_that_cannot_be_read_are_named() {
    let cases = [
        ("reg:squarederror", "reg:expectileerror", "\"reg:expectileerror\""),
        ("\"gbtree\", \"model\"", "\"gblinear\", \"model\"", "\"gblinear\" has no trees"),
        ("\"right_children\": [4, -1", "\"right_children\": [2, -1", "not neighbours"),
    ];
    for (from, to, expected) in cases {
        let error = read(&altered(from, to)).expect_err(to);
        assert_eq!(error.kind(), ErrorKind::Unsupported, "{error}");
        assert!(error.to_string().contains(expected), "{error}");
    }
    for bytes in [&b"binf\0\0\0?"[..], b"\0\0\0?\x0a\0\0\0", b"\x80\x04\x95"] {
        let error = XgboostModel::read(bytes, &XgboostOptions::default()).expect_err("binary");
        assert!(error.kind() == ErrorKind::Unsupported && error.to_string().contains(".ubj"), "{error}");
    }
}

#[test]
fn nesting_and_claimed_lengths_are_bounded() {
    let deep = [
        "{\"a\":".repeat(100_000).into_bytes(),
        format!("{{\"a\":{}", "[[".repeat(100_000)).into_bytes(),
        [&b"{i\x01a"[..], &b"[".repeat(100_000)].concat(),
        b"{i\x01a".repeat(100_000),
        [&b"{i\x01a"[..], &b"[$[#i\x01".repeat(100_000)].concat(),
    ];
    let claims: [&[u8]; 6] = [
        b"{i\x01a[$d#L\x7f\xff\xff\xff\xff\xff\xff\xff",
        b"{i\x01a[#L\x7f\xff\xff\xff\xff\xff\xff\xff",
        b"{i\x01a[$Z#L\x7f\xff\xff\xff\xff\xff\xff\xff",
        b"{L\x7f\xff\xff\xff\xff\xff\xff\xff",
        b"{L\xff\xff\xff\xff\xff\xff\xff\xff",
        b"{i\x01aSL\x00\x00\x00\x7f\xff\xff\xff\xff",
    ];
    for bytes in deep.iter().map(Vec::as_slice).chain(claims) {
        let error = XgboostModel::read(bytes, &XgboostOptions::default()).expect_err("refused");
        assert_eq!(error.kind(), ErrorKind::Corrupt, "{error}");
    }
}

#[test]
fn both_formats_hold_the_same_values() {
    let json = r#"{"a\u00e9\n\ud83d\ude00": [1, -2.5e0, 300], "b": [null, true, "x"], "c": {}, "d": Infinity, "e": []}"#;
    let json = json::read(json.as_bytes()).expect("JSON");
    let ubjson: &[u8] =
        b"{i\x08a\xc3\xa9\n\xf0\x9f\x98\x80[i\x01d\xc0\x20\0\0I\x01\x2c]i\x01b[#i\x03ZTSi\x01xi\x01c{}\
        i\x01dd\x7f\x80\0\0i\x01e[]}";
    let ubjson = ubjson::read(ubjson).expect("UBJSON");
    for value in [json, ubjson] {
        assert_eq!(value.get("a\u{e9}\n\u{1f600}", Value::singles).expect("numbers"), [1.0, -2.5, 300.0]);
        assert_eq!(value.get("d", Value::single).expect("a number"), f32::INFINITY);
        assert!(value.get("e", Value::texts).expect("texts").is_empty());
        assert!(
            matches!(value.member("b").expect("b").array().expect("an array"), [Value::Null, Value::Bool(true), Value::Text(x)] if x == "x")
        );
    }
    let typed = ubjson::read(b"{#i\x01i\x01a[$I#i\x02\xff\xff\x01\0").expect("typed");
    assert_eq!(typed.get("a", Value::integers).expect("integers"), [-1, 256]);
    let typed = ubjson::read(b"{$i#i\x01i\x01a\x05").expect("a typed object");
    assert_eq!(typed.get("a", Value::integer).expect("an integer"), 5);
}

#[test]
fn digits_are_rounded_once() {
    // Just above the middle of two float32s, where its nearest float64 is the middle itself.
    let value = json::read(b"[1.00000005960464477540]").expect("JSON");
    assert_eq!(value.singles().expect("a number"), [1.0_f32.next_up()]);
    assert_eq!(1.000_000_059_604_644_8_f64 as f32, 1.0);
}
