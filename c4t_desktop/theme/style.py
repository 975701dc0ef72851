"""The style sheet, made from the colours and the scale.

Everything sits on a grid of 4 pixels; ``px(n)`` scales with the text.
"""

from __future__ import annotations

from collections.abc import Callable

from c4t_desktop.theme.colours import Colours


def style_sheet(colours: Colours, px: Callable[[float], int]) -> str:
    """Return the application's style sheet."""
    c = colours
    # Qt draws corners square where two radii are wider than the widget with its border.
    round_radius = (px(14) + 2) // 2
    return f"""
QWidget {{ color: {c.text}; }}
QMainWindow, QDialog, QMessageBox {{ background: {c.panel}; }}
QToolTip {{ background: {c.card}; color: {c.text}; border: 1px solid {c.border_strong};
  padding: {px(4)}px {px(6)}px; }}

#topBar, #sidePanel, #detailsPanel, #statusArea {{ background: {c.panel}; }}
#topBar {{ border-bottom: 1px solid {c.border}; }}
#statusArea {{ border-top: 1px solid {c.border}; }}
#sidePanel {{ border-right: 1px solid {c.border}; }}
#detailsPanel {{ border-left: 1px solid {c.border}; }}
#canvas, #resultsHeader, #emptyState, #frameView, #comparePanel, #evaluationPanel {{
  background: {c.canvas}; }}
QSplitter::handle {{ background: {c.border}; }}
QSplitter::handle:horizontal {{ width: 1px; }}

[kind="section"] {{ color: {c.muted}; font-size: {px(11)}px; font-weight: 600; }}
[kind="title"] {{ font-size: {px(22)}px; font-weight: 600; }}
[kind="subtitle"] {{ font-size: {px(15)}px; font-weight: 600; }}
[kind="strong"] {{ font-weight: 600; }}
[kind="muted"] {{ color: {c.muted}; }}
[kind="bad"] {{ color: {c.bad}; }}
[kind="warn"] {{ color: {c.warn}; }}

QPushButton, QToolButton[kind="button"] {{
  background: {c.card}; border: 1px solid {c.border_strong}; border-radius: {px(8)}px;
  padding: {px(6)}px {px(12)}px; min-height: {px(20)}px; }}
QPushButton {{ icon-size: {px(16)}px; }}
QPushButton:hover, QToolButton[kind="button"]:hover {{ background: {c.hover}; }}
QPushButton:pressed, QToolButton[kind="button"]:pressed {{ background: {c.border}; }}
QPushButton:focus, QToolButton[kind="button"]:focus {{ border: 1px solid {c.accent}; }}
QPushButton:disabled, QToolButton[kind="button"]:disabled {{
  color: {c.faint}; border-color: {c.border}; }}
QPushButton:checked, QToolButton[kind="button"]:checked {{
  background: {c.accent_soft}; border-color: {c.accent}; color: {c.accent}; }}
QPushButton[kind="primary"], QDialogButtonBox QPushButton:default {{
  background: {c.accent}; border-color: {c.accent}; color: {c.accent_text}; font-weight: 600; }}
QPushButton[kind="primary"]:hover, QDialogButtonBox QPushButton:default:hover {{
  background: {c.accent_hover}; border-color: {c.accent_hover}; }}
QPushButton[kind="primary"]:focus {{ border-color: {c.text}; }}
QPushButton[kind="primary"]:disabled, QDialogButtonBox QPushButton:default:disabled {{
  background: {c.track}; border-color: {c.track}; color: {c.faint}; }}
QPushButton[kind="chip"] {{ background: {c.card}; border: 1px solid {c.border};
  border-radius: {px(14)}px; padding: {px(4)}px {px(12)}px; font-weight: 400; }}
QPushButton[kind="chip"]:hover {{ border-color: {c.accent}; color: {c.accent}; }}
QPushButton[kind="good"]:checked {{
  background: {c.good_soft}; border-color: {c.good}; color: {c.good}; }}
QPushButton[kind="bad"]:checked {{
  background: {c.bad_soft}; border-color: {c.bad}; color: {c.bad}; }}
QPushButton[kind="row"] {{ background: transparent; border: 1px solid transparent;
  text-align: left; font-weight: 400; padding: {px(4)}px {px(8)}px; border-radius: {px(6)}px; }}
QPushButton[kind="row"]:hover {{ background: {c.hover}; }}
QPushButton[kind="row"]:focus {{ border-color: {c.accent}; }}
QPushButton[kind="side"] {{ background: transparent; border: 1px solid transparent;
  border-radius: {px(6)}px; padding: 0; min-height: {px(28)}px; }}
QPushButton[kind="side"]:hover {{ background: {c.hover}; }}
QPushButton[kind="side"]:focus {{ border-color: {c.accent}; }}
QPushButton[kind="side"]:checked {{ background: {c.accent_soft}; }}
QLabel[kind="chosen"] {{ color: {c.accent}; font-weight: 600; }}
QToolButton {{ background: transparent; border: 1px solid transparent; border-radius: {px(6)}px;
  padding: {px(4)}px; }}
QToolButton[kind="tool"] {{ color: {c.muted}; padding: {px(6)}px {px(8)}px; }}
QToolButton:hover {{ background: {c.hover}; }}
QToolButton[kind="tool"]:hover {{ color: {c.text}; }}
QToolButton:focus {{ border-color: {c.accent}; }}
QToolButton:pressed {{ background: {c.border}; }}
QToolButton:checked {{ background: {c.accent_soft}; color: {c.accent}; }}
QToolButton::menu-indicator {{ image: none; width: 0; }}
QPushButton::menu-indicator {{ image: none; width: 0; }}

QLineEdit, QSpinBox, QPlainTextEdit {{
  background: {c.field}; border: 1px solid {c.border_strong}; border-radius: {px(8)}px;
  padding: {px(6)}px {px(8)}px; selection-background-color: {c.accent};
  selection-color: {c.accent_text}; }}
QSpinBox {{ padding: {px(3)}px 0; min-height: {px(22)}px; }}
QSpinBox::up-button, QSpinBox::down-button {{
  border: none; background: transparent; width: {px(20)}px; margin: 1px; border-radius: 3px; }}
QSpinBox::up-button:hover, QSpinBox::down-button:hover {{ background: {c.hover}; }}
QSpinBox::up-arrow {{
  image: url("{{chevron-up}}"); width: {px(10)}px; height: {px(10)}px; }}
QSpinBox::down-arrow {{
  image: url("{{chevron}}"); width: {px(10)}px; height: {px(10)}px; }}
QLineEdit:focus, QSpinBox:focus, QPlainTextEdit:focus {{ border-color: {c.accent}; }}
#searchBar {{ background: {c.field}; border: 1px solid {c.border_strong};
  border-radius: {px(9)}px; }}
#searchBar[active="true"] {{ border: 1px solid {c.accent}; }}
#searchField {{ border: none; background: transparent; padding: {px(4)}px {px(2)}px;
  font-size: {px(14)}px; }}
QComboBox {{ background: {c.card}; border: 1px solid {c.border_strong};
  border-radius: {px(8)}px; padding: {px(5)}px {px(10)}px; min-height: {px(20)}px; }}
QComboBox[kind="flat"] {{ background: transparent; border: 1px solid transparent;
  padding: {px(3)}px {px(6)}px; }}
QDateEdit {{ background: transparent; border: 1px solid transparent; border-radius: {px(8)}px;
  padding: {px(3)}px {px(4)}px; min-height: {px(20)}px; selection-background-color: {c.accent};
  selection-color: {c.accent_text}; }}
QDateEdit:hover {{ background: {c.hover}; }}
QDateEdit:focus {{ border-color: {c.accent}; }}
QDateEdit::drop-down {{ border: none; width: {px(22)}px; }}
QDateEdit::down-arrow {{ image: url("{{chevron}}"); width: {px(12)}px; height: {px(12)}px; }}
QWidget[kind="popup"] {{ background: {c.panel}; border: 1px solid {c.border_strong}; }}
QComboBox[kind="flat"]:hover {{ background: {c.hover}; }}
QComboBox:focus {{ border-color: {c.accent}; }}
QComboBox::drop-down {{ border: none; width: {px(22)}px; }}
QComboBox::down-arrow {{ image: url("{{chevron}}"); width: {px(12)}px; height: {px(12)}px; }}
QComboBox {{ combobox-popup: 0; }}
QComboBox QAbstractItemView, QMenu {{ background: {c.card}; border: 1px solid {c.border_strong};
  selection-background-color: {c.accent_soft}; selection-color: {c.text}; outline: none; }}
QComboBox QComboBoxListView {{ border-radius: 0; padding: {px(4)}px; }}
QComboBox QComboBoxListView::item {{ min-height: {px(28)}px; padding: 0 {px(6)}px;
  border-radius: {px(4)}px; }}
QComboBox QComboBoxListView::item:hover, QComboBox QComboBoxListView::item:selected {{
  background: {c.accent_soft}; color: {c.text}; }}
QCalendarWidget {{ border: 1px solid {c.border_strong}; }}
#qt_calendar_navigationbar {{ background: {c.panel}; padding: {px(4)}px; }}
#qt_calendar_navigationbar QToolButton {{ color: {c.text}; font-weight: 600; }}
#qt_calendar_prevmonth {{ qproperty-icon: url("{{before}}"); }}
#qt_calendar_nextmonth {{ qproperty-icon: url("{{after}}"); }}
#qt_calendar_calendarview {{ background: {c.card}; border: none; border-radius: 0;
  alternate-background-color: {c.card}; selection-background-color: {c.accent};
  selection-color: {c.accent_text}; }}
#qt_calendar_calendarview::item {{ padding: 0; }}
QMenu {{ padding: {px(4)}px; }}
QMenu::item {{ padding: {px(6)}px {px(24)}px {px(6)}px {px(10)}px; border-radius: {px(4)}px; }}
QMenu::item:selected {{ background: {c.accent_soft}; }}
QMenu::item:disabled {{ color: {c.faint}; }}
QMenu::separator {{ height: 1px; background: {c.border}; margin: {px(4)}px {px(8)}px; }}
QMenu::icon {{ padding-left: {px(8)}px; }}
QMenu::indicator {{ left: {px(6)}px; }}
QCheckBox {{ spacing: {px(8)}px; }}
QCheckBox::indicator, QAbstractItemView::indicator, QMenu::indicator {{
  width: {px(14)}px; height: {px(14)}px;
  border-radius: {px(4)}px; border: 1px solid {c.control}; background: {c.field}; }}
QCheckBox::indicator:disabled {{ border-color: {c.border}; }}
QCheckBox::indicator:hover, QCheckBox:focus::indicator {{ border-color: {c.accent}; }}
QCheckBox::indicator:checked, QAbstractItemView::indicator:checked,
QMenu::indicator:checked {{ background: {c.accent};
  border-color: {c.accent}; image: url("{{check}}"); }}
QMessageBox {{ messagebox-question-icon: url("{{asks}}"); messagebox-warning-icon: url("{{warns}}");
  messagebox-critical-icon: url("{{fails}}"); }}
QMessageBox QLabel#qt_msgbox_label {{ font-size: {px(15)}px; font-weight: 600;
  min-width: {px(340)}px; padding-top: {px(4)}px; }}
QMessageBox QLabel#qt_msgbox_informativelabel {{ color: {c.muted}; min-width: {px(340)}px; }}
QMessageBox QLabel#qt_msgboxex_icon_label {{ margin: {px(4)}px {px(8)}px 0 {px(4)}px; }}
QPushButton[kind="danger"] {{ color: {c.bad}; }}
QPushButton[kind="danger"]:focus {{ border-color: {c.bad}; }}
QDialogButtonBox {{ dialogbuttonbox-buttons-have-icons: 0; }}
QRadioButton {{ spacing: {px(8)}px; }}
QRadioButton::indicator {{ width: {px(14)}px; height: {px(14)}px; border-radius: {round_radius}px;
  border: 1px solid {c.control}; background: {c.field}; }}
QRadioButton::indicator:hover, QRadioButton:focus::indicator {{ border-color: {c.accent}; }}
QRadioButton::indicator:checked {{ border-color: {c.accent}; background: qradialgradient(
  cx: 0.5, cy: 0.5, radius: 0.5, fx: 0.5, fy: 0.5, stop: 0 {c.accent}, stop: 0.52 {c.accent},
  stop: 0.62 {c.field}, stop: 1 {c.field}); }}
QRadioButton::indicator:disabled {{ border-color: {c.border}; }}

QProgressBar {{ background: {c.track}; border: none; border-radius: {px(3)}px; }}
QProgressBar::chunk {{ background: {c.accent}; border-radius: {px(3)}px; }}
QSlider:horizontal {{ min-height: {px(20)}px; }}
QSlider::groove:horizontal {{ height: {px(4)}px; border-radius: {px(2)}px;
  background: {c.track}; }}
QSlider::sub-page:horizontal {{ background: {c.accent}; border-radius: {px(2)}px; }}
QSlider::handle:horizontal {{ width: {px(14)}px; height: {px(14)}px; margin: -{px(5)}px 0;
  border-radius: {px(7)}px; background: {c.card}; border: 1px solid {c.border_strong}; }}
QSlider::handle:horizontal:hover, QSlider::handle:horizontal:focus {{
  border: 2px solid {c.accent}; }}

QAbstractItemView {{ background: {c.field}; border: 1px solid {c.border};
  border-radius: {px(8)}px; outline: none; selection-background-color: {c.accent_soft};
  selection-color: {c.text}; alternate-background-color: {c.hover}; }}
#resultsView, #leftResultsView, #rightResultsView, #evaluationHits {{
  background: {c.canvas}; border: none; border-radius: 0; }}
QAbstractItemView[kind="strip"] {{ background: transparent; border: none; border-radius: 0; }}
QAbstractItemView[kind="side"] {{ background: transparent; border: none; }}
#evaluationNotes {{ background: {c.field}; border: 1px solid {c.border};
  border-radius: {px(8)}px; padding: {px(8)}px {px(10)}px; }}
#pairsProblems::item {{ padding: {px(5)}px {px(8)}px; }}
QTableView::item {{ padding: 0 {px(8)}px; }}
QTreeView::item {{ min-height: {px(30)}px; padding: 0 {px(8)}px; }}
QTableView::item:selected, QTreeView::item:selected {{ background: {c.accent_soft};
  color: {c.text}; border: none; }}
QHeaderView {{ background: transparent; border: none; }}
QHeaderView::section {{ background: transparent; color: {c.muted}; border: none;
  border-bottom: 1px solid {c.border}; padding: {px(6)}px {px(8)}px; font-weight: 600; }}
QTabBar::tab {{ background: transparent; color: {c.muted}; padding: {px(8)}px {px(14)}px;
  border-bottom: 2px solid transparent; font-weight: 600; }}
QTabBar::tab:selected {{ color: {c.accent}; border-bottom-color: {c.accent}; }}
QTabWidget::pane {{ border: none; border-top: 1px solid {c.border}; }}
QScrollArea {{ border: none; background: transparent; }}
QScrollArea > QWidget > QWidget[kind="page"] {{ background: transparent; }}
QScrollBar:vertical {{ background: transparent; width: {px(12)}px; margin: 0; }}
QScrollBar:horizontal {{ background: transparent; height: {px(12)}px; margin: 0; }}
QScrollBar::handle {{ background: {c.border_strong}; border-radius: {px(3)}px;
  margin: {px(3)}px; min-height: {px(28)}px; min-width: {px(28)}px; }}
QScrollBar::handle:hover {{ background: {c.faint}; }}
QScrollBar::add-line, QScrollBar::sub-line {{ width: 0; height: 0; }}
QScrollBar::add-page, QScrollBar::sub-page {{ background: transparent; }}
#dropTarget {{ background: {c.panel}; border: 2px dashed {c.border_strong};
  border-radius: {px(16)}px; }}
#dropVeil {{ background: {c.veil}; border: 3px dashed {c.accent}; border-radius: {px(16)}px; }}
#evaluationCard {{ background: {c.card}; border: 1px solid {c.border};
  border-radius: {px(8)}px; }}
#dropLine {{ background: {c.accent}; }}
#banner {{ background: {c.accent_soft}; border-radius: {px(8)}px; }}
#toast {{ background: {c.shade}; border-radius: {px(8)}px; }}
#toast QLabel {{ color: #ffffff; }}
"""
